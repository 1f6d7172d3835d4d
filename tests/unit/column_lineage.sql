-- Column lineage, as data: a statement, and what its target's columns are made of.
--
-- Each case begins with its title and dialect. Behind the statement stands, for each target, a line for each of its columns:
-- `column <- table.column SUBTYPE, ...`; `*` stands for what decides over all rows, `!` says what could not be told.
-- Known are the tables
--   orders (order_id, customer_id, amount, status, placed_at), customers (customer_id, email, name, country),
--   target (a, b, c), sales.daily (day, country, total, loaded_at), events (id, geo).

-- # a view's columns | postgres
CREATE VIEW v AS SELECT order_id, amount * 2 AS doubled FROM orders WHERE status = 'paid';
-- v <= orders
--   order_id <- orders.order_id IDENTITY
--   doubled <- orders.amount TRANSFORMATION
--   * <- orders.status FILTER

-- # a view that names its columns | postgres
CREATE VIEW v (p, q) AS SELECT email, name FROM customers;
-- v <= customers
--   p <- customers.email IDENTITY
--   q <- customers.name IDENTITY

-- # CREATE TABLE AS with a star over a join | duckdb
CREATE TABLE x AS SELECT o.*, c.email FROM orders o JOIN customers c ON c.customer_id = o.customer_id;
-- x <= orders, customers
--   order_id <- orders.order_id IDENTITY
--   customer_id <- orders.customer_id IDENTITY
--   amount <- orders.amount IDENTITY
--   status <- orders.status IDENTITY
--   placed_at <- orders.placed_at IDENTITY
--   email <- customers.email IDENTITY
--   * <- customers.customer_id JOIN, orders.customer_id JOIN

-- # a column that USING joins is the left one's | postgres
CREATE TABLE x AS SELECT customer_id, email FROM orders LEFT JOIN customers USING (customer_id);
-- x <= orders, customers
--   customer_id <- orders.customer_id IDENTITY
--   email <- customers.email IDENTITY
--   * <- orders.customer_id JOIN, customers.customer_id JOIN

-- # a column that USING joins from the right | postgres
CREATE TABLE x AS SELECT customer_id FROM orders RIGHT JOIN customers USING (customer_id);
-- x <= orders, customers
--   customer_id <- customers.customer_id IDENTITY
--   * <- orders.customer_id JOIN, customers.customer_id JOIN

-- # a column that USING joins fully is either one's | postgres
CREATE TABLE x AS SELECT customer_id FROM orders FULL JOIN customers USING (customer_id);
-- x <= orders, customers
--   customer_id <- orders.customer_id TRANSFORMATION, customers.customer_id TRANSFORMATION
--   * <- orders.customer_id JOIN, customers.customer_id JOIN

-- # a coalesce that somebody wrote | postgres
CREATE TABLE x AS SELECT coalesce(o.status, c.name) AS s FROM orders o LEFT JOIN customers c USING (customer_id);
-- x <= orders, customers
--   s <- orders.status TRANSFORMATION, customers.name TRANSFORMATION
--   * <- orders.customer_id JOIN, customers.customer_id JOIN

-- # NATURAL JOIN | duckdb
CREATE TABLE x AS SELECT email, amount, customer_id FROM orders NATURAL JOIN customers;
-- x <= orders, customers
--   email <- customers.email IDENTITY
--   amount <- orders.amount IDENTITY
--   customer_id <- orders.customer_id IDENTITY
--   * <- orders.customer_id JOIN, customers.customer_id JOIN

-- # a chain of named queries | postgres
CREATE VIEW v AS WITH a AS (SELECT customer_id, sum(amount) AS s FROM orders GROUP BY customer_id), b AS (SELECT customer_id AS k, s + 1 AS s1 FROM a) SELECT k, s1 FROM b ORDER BY s1;
-- v <= orders
--   k <- orders.customer_id IDENTITY
--   s1 <- orders.amount AGGREGATION
--   * <- orders.customer_id GROUP_BY, orders.amount SORT

-- # a named query that hides the table it reads | postgres
CREATE VIEW v AS WITH orders AS (SELECT order_id FROM orders WHERE amount > 0) SELECT order_id FROM orders;
-- v <= orders
--   order_id <- orders.order_id IDENTITY
--   * <- orders.amount FILTER

-- # a recursive query | postgres
CREATE VIEW v AS WITH RECURSIVE r AS (SELECT a, b, 1 AS depth FROM target UNION ALL SELECT r.b, r.a, r.depth + 1 FROM r JOIN target t ON t.a = r.b) SELECT a, depth FROM r;
-- v <= target
--   a <- target.a IDENTITY, target.b IDENTITY
--   depth <- nothing
--   * <- target.a JOIN, target.b JOIN

-- # UNION ALL goes by place | postgres
CREATE VIEW v AS SELECT email AS contact FROM customers UNION ALL SELECT status FROM orders;
-- v <= customers, orders
--   contact <- customers.email IDENTITY, orders.status IDENTITY

-- # EXCEPT takes rows away | postgres
CREATE VIEW v AS SELECT customer_id FROM customers EXCEPT SELECT customer_id FROM orders;
-- v <= customers, orders
--   customer_id <- customers.customer_id IDENTITY, orders.customer_id FILTER

-- # INTERSECT keeps rows of both | postgres
CREATE VIEW v AS SELECT customer_id FROM customers INTERSECT SELECT customer_id FROM orders;
-- v <= customers, orders
--   customer_id <- customers.customer_id IDENTITY, orders.customer_id IDENTITY

-- # aggregates, count(*) and a count of a column | postgres
CREATE TABLE x AS SELECT country, count(*) AS n, count(email) AS mails, max(name) AS last_name FROM customers GROUP BY country HAVING count(*) > 1;
-- x <= customers
--   country <- customers.country IDENTITY
--   n <- nothing
--   mails <- customers.email AGGREGATION MASKED
--   last_name <- customers.name AGGREGATION
--   * <- customers.country GROUP_BY

-- # a window | postgres
CREATE TABLE x AS SELECT sum(amount) OVER (PARTITION BY customer_id ORDER BY placed_at) AS running FROM orders;
-- x <= orders
--   running <- orders.amount AGGREGATION, orders.customer_id WINDOW, orders.placed_at WINDOW

-- # QUALIFY filters | duckdb
CREATE TABLE x AS SELECT email FROM customers QUALIFY row_number() OVER (PARTITION BY country ORDER BY name) = 1;
-- x <= customers
--   email <- customers.email IDENTITY
--   * <- customers.country FILTER, customers.name FILTER

-- # GROUP BY ALL | duckdb
CREATE TABLE x AS SELECT status, sum(amount) AS total FROM orders GROUP BY ALL;
-- x <= orders
--   status <- orders.status IDENTITY
--   total <- orders.amount AGGREGATION
--   * <- orders.status GROUP_BY

-- # a CASE decides and gives | postgres
CREATE VIEW v AS SELECT CASE WHEN country = 'se' THEN email ELSE name END AS contact FROM customers;
-- v <= customers
--   contact <- customers.country CONDITIONAL, customers.email TRANSFORMATION, customers.name TRANSFORMATION

-- # a value that a subquery gives | postgres
CREATE VIEW v AS SELECT c.name, (SELECT max(o.amount) FROM orders o WHERE o.customer_id = c.customer_id) AS most FROM customers c;
-- v <= orders, customers
--   name <- customers.name IDENTITY
--   most <- orders.amount AGGREGATION, orders.customer_id FILTER, customers.customer_id FILTER

-- # EXISTS filters | postgres
CREATE VIEW v AS SELECT email FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.customer_id AND o.amount > 10);
-- v <= customers, orders
--   email <- customers.email IDENTITY
--   * <- orders.customer_id FILTER, customers.customer_id FILTER, orders.amount FILTER

-- # a lateral query | postgres
CREATE VIEW v AS SELECT c.email, l.amount FROM customers c CROSS JOIN LATERAL (SELECT o.amount FROM orders o WHERE o.customer_id = c.customer_id LIMIT 1) l;
-- v <= customers, orders
--   email <- customers.email IDENTITY
--   amount <- orders.amount IDENTITY
--   * <- orders.customer_id FILTER, customers.customer_id FILTER

-- # LATERAL VIEW explode | hive
CREATE VIEW v AS SELECT o.order_id, word FROM orders o LATERAL VIEW explode(split(status, ' ')) w AS word;
-- v <= orders
--   order_id <- orders.order_id IDENTITY
--   word <- orders.status TRANSFORMATION

-- # unnest | duckdb
CREATE VIEW v AS SELECT u.v FROM customers, unnest([email, name]) AS u(v);
-- v <= customers
--   v <- customers.email TRANSFORMATION, customers.name TRANSFORMATION

-- # a hash masks | postgres
CREATE TABLE x AS SELECT md5(email) AS who, lower(email) AS mail FROM customers;
-- x <= customers
--   who <- customers.email TRANSFORMATION MASKED
--   mail <- customers.email TRANSFORMATION

-- # INSERT with a list of columns | postgres
INSERT INTO target (c, a) SELECT country, email FROM customers;
-- target <= customers
--   c <- customers.country IDENTITY
--   a <- customers.email IDENTITY

-- # INSERT by place | postgres
INSERT INTO target SELECT email, name, country FROM customers;
-- target <= customers
--   a <- customers.email IDENTITY
--   b <- customers.name IDENTITY
--   c <- customers.country IDENTITY

-- # INSERT by name | duckdb
INSERT INTO target BY NAME SELECT email AS b, name AS a FROM customers;
-- target <= customers
--   b <- customers.email IDENTITY
--   a <- customers.name IDENTITY

-- # INSERT OVERWRITE of a fixed partition | hive
INSERT OVERWRITE TABLE sales.daily PARTITION (day = '2026-11-01') SELECT country, sum(amount), max(placed_at) FROM orders JOIN customers ON orders.customer_id = customers.customer_id GROUP BY country;
-- sales.daily <= orders, customers
--   country <- customers.country IDENTITY
--   total <- orders.amount AGGREGATION
--   loaded_at <- orders.placed_at AGGREGATION
--   * <- orders.customer_id JOIN, customers.customer_id JOIN, customers.country GROUP_BY

-- # INSERT OVERWRITE of partitions that the rows name | spark
INSERT OVERWRITE TABLE target PARTITION (c) SELECT email, name, country FROM customers;
-- target <= customers
--   a <- customers.email IDENTITY
--   b <- customers.name IDENTITY
--   c <- customers.country IDENTITY

-- # a WITH before INSERT | postgres
WITH paid AS (SELECT customer_id, amount FROM orders WHERE status = 'paid') INSERT INTO target (a, b) SELECT customer_id, amount FROM paid;
-- target <= orders
--   a <- orders.customer_id IDENTITY
--   b <- orders.amount IDENTITY
--   * <- orders.status FILTER

-- # INSERT into a table that is not known | postgres
INSERT INTO elsewhere SELECT email AS mail, upper(name) AS called FROM customers;
-- elsewhere <= customers
--   mail <- customers.email IDENTITY
--   called <- customers.name TRANSFORMATION
--   ! the target's columns are not known: those of the query lend their names

-- # UPDATE FROM | postgres
UPDATE target SET b = c.email, c = target.c || c.name FROM customers c WHERE c.customer_id = target.a;
-- target <= customers
--   b <- customers.email IDENTITY
--   c <- target.c TRANSFORMATION, customers.name TRANSFORMATION
--   * <- customers.customer_id FILTER, target.a FILTER

-- # UPDATE with JOIN | mysql
UPDATE target t JOIN customers c ON t.a = c.customer_id SET t.b = c.email;
-- target <= customers
--   b <- customers.email IDENTITY
--   * <- target.a JOIN, customers.customer_id JOIN

-- # DELETE by another table | postgres
DELETE FROM target USING customers c WHERE c.customer_id = target.a AND c.country = 'se';
-- target <= customers
--   * <- customers.customer_id FILTER, target.a FILTER, customers.country FILTER

-- # DELETE by a subquery | postgres
DELETE FROM target WHERE a IN (SELECT customer_id FROM customers WHERE country = 'se');
-- target <= customers
--   * <- customers.country FILTER, target.a FILTER, customers.customer_id FILTER

-- # MERGE with both branches | postgres
MERGE INTO target t USING (SELECT customer_id AS id, email FROM customers) s ON t.a = s.id WHEN MATCHED AND t.c = 'old' THEN UPDATE SET b = s.email WHEN NOT MATCHED THEN INSERT (a, b) VALUES (s.id, upper(s.email));
-- target <= customers
--   b <- customers.email IDENTITY
--   a <- customers.customer_id IDENTITY
--   * <- target.a JOIN, customers.customer_id JOIN, target.c FILTER

-- # MERGE with stars | databricks
MERGE INTO target t USING (SELECT customer_id AS a, email AS b, country AS c FROM customers) s ON t.a = s.a WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *;
-- target <= customers
--   a <- customers.customer_id IDENTITY
--   b <- customers.email IDENTITY
--   c <- customers.country IDENTITY
--   * <- target.a JOIN, customers.customer_id JOIN

-- # a temporary table is seen through | postgres
CREATE TEMP TABLE step AS SELECT customer_id AS id, lower(email) AS mail FROM customers WHERE country = 'se'; INSERT INTO target (a, b) SELECT id, mail FROM step;
-- target <= customers
--   a <- customers.customer_id IDENTITY
--   b <- customers.email TRANSFORMATION
--   * <- customers.country FILTER

-- # one statement after another | duckdb
CREATE TABLE one AS SELECT order_id AS k FROM orders; CREATE TABLE two AS SELECT * FROM one; DROP TABLE one;
-- one <= orders
--   k <- orders.order_id IDENTITY
-- two <= one
--   k <- one.k IDENTITY

-- # a star over a table that is not known | postgres
CREATE TABLE x AS SELECT * FROM elsewhere;
-- x <= elsewhere
--   ! the columns that '*' stands for are not known

-- # names of every letter case | postgres
CREATE VIEW V AS SELECT Email AS EMail, O.Amount FROM Customers C JOIN ORDERS o ON C.Customer_Id = O.customer_id;
-- V <= Customers, ORDERS
--   email <- Customers.email IDENTITY
--   amount <- ORDERS.amount IDENTITY
--   * <- Customers.customer_id JOIN, ORDERS.customer_id JOIN

-- # names of three parts | duckdb
CREATE TABLE lake.marts.x AS SELECT c.email, d.total FROM shop.main.customers c JOIN sales.daily d ON d.country = c.country;
-- lake.marts.x <= shop.main.customers, sales.daily
--   email <- shop.main.customers.email IDENTITY
--   total <- sales.daily.total IDENTITY
--   * <- sales.daily.country JOIN, shop.main.customers.country JOIN

-- # a dialect's own way to leave columns out | bigquery
CREATE TABLE x AS SELECT * EXCEPT (email, name) FROM customers;
-- x <= customers
--   customer_id <- customers.customer_id IDENTITY
--   country <- customers.country IDENTITY

-- # FROM first | duckdb
CREATE TABLE x AS FROM orders SELECT customer_id, max(amount) FILTER (WHERE status = 'paid') AS most GROUP BY customer_id;
-- x <= orders
--   customer_id <- orders.customer_id IDENTITY
--   most <- orders.amount AGGREGATION, orders.status FILTER
--   * <- orders.customer_id GROUP_BY

-- # DISTINCT ON | postgres
CREATE VIEW v AS SELECT DISTINCT ON (country) email FROM customers ORDER BY country, name;
-- v <= customers
--   email <- customers.email IDENTITY
--   * <- customers.country FILTER, customers.country SORT, customers.name SORT

-- # a pivot keeps its tables | duckdb
CREATE TABLE x AS SELECT * FROM (SELECT country, email FROM customers) PIVOT (count(email) FOR country IN ('se', 'de'));
-- x <= customers
--   se <- customers.email AGGREGATION MASKED, customers.country CONDITIONAL
--   de <- customers.email AGGREGATION MASKED, customers.country CONDITIONAL

-- # rows that no table holds | postgres
INSERT INTO target (a, b) SELECT v.x, c.email FROM (VALUES (1), (2)) AS v(x) CROSS JOIN customers c;
-- target <= customers
--   a <- nothing
--   b <- customers.email IDENTITY

-- # Unicode and quoted names | postgres
CREATE VIEW "größe 1" AS SELECT email AS "Adresse, privat" FROM customers AS "Kunden";
-- größe 1 <= customers
--   Adresse, privat <- customers.email IDENTITY

-- # a part of a struct | duckdb
CREATE TABLE x AS SELECT geo.country.code AS country, e.geo.city AS city, upper(geo.network) AS network FROM events e;
-- x <= events
--   country <- events.geo.country.code IDENTITY
--   city <- events.geo.city IDENTITY
--   network <- events.geo.network TRANSFORMATION

-- # a column named as a value is | duckdb
CREATE TABLE x AS SELECT date_trunc('month', placed_at) AS month, sum(amount) AS total FROM orders GROUP BY ALL;
-- x <= orders
--   month <- orders.placed_at TRANSFORMATION
--   total <- orders.amount AGGREGATION
--   * <- orders.placed_at GROUP_BY
