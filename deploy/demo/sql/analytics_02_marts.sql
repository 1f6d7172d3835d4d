CREATE SCHEMA analytics.marts;

CREATE TABLE analytics.marts.customer_360 AS
SELECT c.customer_id, c.email, c.country, c.joined_at, s.plan, s.status,
       coalesce(i.invoiced_cents, 0) AS invoiced_cents, coalesce(v.sessions, 0) AS sessions_30d
FROM analytics.staging.stg_customers c
LEFT JOIN analytics.staging.stg_subscriptions s USING (customer_id)
LEFT JOIN (SELECT customer_id, sum(amount_cents) AS invoiced_cents FROM analytics.staging.stg_invoices GROUP BY customer_id) i USING (customer_id)
LEFT JOIN (SELECT p.customer_id, count(*) AS sessions FROM analytics.staging.stg_sessions t
           JOIN analytics.staging.stg_profiles p USING (profile_id) GROUP BY p.customer_id) v USING (customer_id);
COMMENT ON TABLE analytics.marts.customer_360 IS 'One row per customer with plan, money and viewing; the first place to look for a customer.';

CREATE TABLE analytics.marts.revenue_by_country AS
SELECT c.country, date_trunc('month', i.issued_at) AS month, sum(i.amount_cents) AS revenue_cents, count(*) AS invoices
FROM analytics.staging.stg_invoices i JOIN analytics.staging.stg_customers c USING (customer_id)
WHERE i.status = 'paid' GROUP BY ALL;
COMMENT ON TABLE analytics.marts.revenue_by_country IS 'Paid revenue by country and month.';

CREATE TABLE analytics.marts.churn_weekly AS
SELECT date_trunc('week', ended_at) AS week, plan, count(*) AS cancelled FROM analytics.staging.stg_subscriptions WHERE ended_at IS NOT NULL GROUP BY ALL;
COMMENT ON TABLE analytics.marts.churn_weekly IS 'Subscriptions that ended, by week and plan.';

CREATE TABLE analytics.marts.title_popularity AS
SELECT t.title_id, t.name, t.genre, count(*) AS sessions, count(DISTINCT s.profile_id) AS profiles, round(avg(r.stars), 2) AS stars
FROM lake.content.titles t JOIN analytics.staging.stg_sessions s USING (title_id) LEFT JOIN lake.events.ratings r USING (title_id) GROUP BY ALL;
COMMENT ON TABLE analytics.marts.title_popularity IS 'How much each title is watched and liked, last 30 days.';

CREATE TABLE analytics.marts.royalty_report AS
SELECT l.license_id, l.title_id, l.country, l.fee_eur, count(s.profile_id) AS sessions
FROM lake.content.licenses l LEFT JOIN analytics.staging.stg_sessions s ON s.title_id = l.title_id AND s.country_code = l.country
GROUP BY ALL;
COMMENT ON TABLE analytics.marts.royalty_report IS 'Sessions that each licence paid for; finance settles royalties by it.';

CREATE TABLE analytics.marts.device_share AS
SELECT device_kind, country_code, count(*) AS sessions FROM analytics.staging.stg_sessions GROUP BY ALL;
COMMENT ON TABLE analytics.marts.device_share IS 'Sessions by kind of device and country.';

CREATE VIEW analytics.marts.monthly_recurring_revenue AS
SELECT plan, count(*) AS subscriptions, sum(price_cents) AS mrr_cents FROM analytics.staging.stg_subscriptions WHERE status = 'active' GROUP BY plan;
COMMENT ON VIEW analytics.marts.monthly_recurring_revenue IS 'What active subscriptions are worth a month, by plan.';
