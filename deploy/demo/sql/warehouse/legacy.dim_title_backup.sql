-- comment: Copy of dim_title from before the genre clean-up.
SELECT title_id, name AS title_name, kind AS title_kind, upper(genre) AS genre, year AS release_year FROM lake.content.titles
