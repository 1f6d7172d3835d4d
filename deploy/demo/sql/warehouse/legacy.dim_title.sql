-- comment: Titles for the old cubes.
SELECT title_id, name AS title_name, kind AS title_kind, genre, year AS release_year FROM lake.content.titles
