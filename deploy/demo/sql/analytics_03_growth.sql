CREATE SCHEMA analytics.growth;

CREATE TABLE analytics.growth.campaign_touches AS
SELECT row_number() OVER (ORDER BY t.ticket_id) AS touch_id, t.customer_id, t.topic AS campaign, t.note AS extra_1, CAST(t.opened_at AS TIMESTAMP) AS touched_at
FROM accounts.main.support_tickets t;
COMMENT ON TABLE analytics.growth.campaign_touches IS 'Contacts with customers that a campaign counts.';

CREATE TABLE analytics.growth.trial_candidates AS
SELECT c.customer_id, c.email AS contact, c.country, c.joined_at FROM analytics.staging.stg_customers c
WHERE NOT c.is_active AND EXISTS (SELECT 1 FROM accounts.main.consents k WHERE k.customer_id = c.customer_id AND k.purpose = 'newsletter' AND k.is_given = 1);
COMMENT ON TABLE analytics.growth.trial_candidates IS 'Former customers who may be offered a trial.';

CREATE TABLE analytics.growth.experiment_exposures AS
SELECT profile_id, CASE WHEN profile_id % 2 = 0 THEN 'control' ELSE 'autoplay' END AS variant, min(first_event_at) AS first_exposed_at
FROM analytics.staging.stg_sessions GROUP BY ALL;
COMMENT ON TABLE analytics.growth.experiment_exposures IS 'Who saw which variant of the autoplay experiment.';

CREATE TABLE analytics.growth.ad_revenue_daily AS
SELECT CAST(shown_at AS DATE) AS day, slot, count(*) AS impressions, sum(seconds) AS seconds FROM lake.events.ad_impressions GROUP BY ALL;
COMMENT ON TABLE analytics.growth.ad_revenue_daily IS 'Advertisements by day; the partner reports nightly.';
