-- comment: What partners deliver about titles, as JSON text in one column.
SELECT title_id AS item_id, json_object('name', name, 'genre', genre, 'year', year, 'countries', countries)::VARCHAR AS payload FROM lake.content.titles
