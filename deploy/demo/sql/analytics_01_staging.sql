CREATE SCHEMA analytics.staging;

CREATE TABLE analytics.staging.stg_customers AS
SELECT customer_id, lower(email) AS email, full_name, CAST(date_of_birth AS DATE) AS date_of_birth, country,
       CAST(joined_at AS TIMESTAMP) AS joined_at, is_active = 1 AS is_active
FROM accounts.main.customers;
COMMENT ON TABLE analytics.staging.stg_customers IS 'Customers as the account service knows them, one row each.';
COMMENT ON COLUMN analytics.staging.stg_customers.email IS 'Lower-cased; unique.';

CREATE TABLE analytics.staging.stg_profiles AS
SELECT profile_id, customer_id, nickname, is_kids = 1 AS is_kids FROM accounts.main.profiles;
COMMENT ON TABLE analytics.staging.stg_profiles IS 'Profiles of customers.';

CREATE TABLE analytics.staging.stg_subscriptions AS
SELECT s.subscription_id, s.customer_id, p.name AS plan, p.price_cents, CAST(s.started_at AS TIMESTAMP) AS started_at,
       CAST(s.ended_at AS TIMESTAMP) AS ended_at, s.status
FROM billing.main.subscriptions s JOIN billing.main.plans p USING (plan_id);
COMMENT ON TABLE analytics.staging.stg_subscriptions IS 'Subscriptions with the plan and its price.';

CREATE TABLE analytics.staging.stg_invoices AS
SELECT invoice_id, customer_id, subscription_id, amount_cents, CAST(issued_at AS TIMESTAMP) AS issued_at, status FROM billing.main.invoices;
COMMENT ON TABLE analytics.staging.stg_invoices IS 'Invoices as issued.';

CREATE TABLE analytics.staging.stg_payments AS
SELECT payment_id, invoice_id, amount_cents, method, CAST(paid_at AS TIMESTAMP) AS paid_at FROM billing.main.payments;
COMMENT ON TABLE analytics.staging.stg_payments IS 'Payments received.';

CREATE TABLE analytics.staging.stg_sessions AS
SELECT profile_id, title_id, day, first_event_at, last_event_at, events, device_kind, country_code FROM lake.playback.sessions;
COMMENT ON TABLE analytics.staging.stg_sessions IS 'Viewing sessions from the lake.';
