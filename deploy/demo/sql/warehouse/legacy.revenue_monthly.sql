-- comment: Invoiced and paid amounts by month and plan.
-- partitioned by: month
SELECT p.name AS plan_name, count(*) AS invoices, sum(i.amount_cents) AS invoiced_cents, strftime(CAST(i.issued_at AS TIMESTAMP), '%Y-%m') AS month
FROM billing.main.invoices i JOIN billing.main.subscriptions s USING (subscription_id) JOIN billing.main.plans p USING (plan_id) GROUP BY ALL
