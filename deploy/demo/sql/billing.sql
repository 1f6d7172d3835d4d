CREATE TABLE plans (plan_id INTEGER PRIMARY KEY, name TEXT NOT NULL, price_cents INTEGER NOT NULL, streams INTEGER NOT NULL, currency CHAR(3) NOT NULL);
CREATE TABLE subscriptions (
  subscription_id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, plan_id INTEGER NOT NULL REFERENCES plans (plan_id),
  started_at TIMESTAMP NOT NULL, ended_at TIMESTAMP, status TEXT NOT NULL
);
CREATE TABLE invoices (
  invoice_id INTEGER PRIMARY KEY, customer_id INTEGER, subscription_id INTEGER NOT NULL REFERENCES subscriptions (subscription_id),
  amount_cents INTEGER NOT NULL, issued_at TIMESTAMP NOT NULL, status TEXT NOT NULL
);
CREATE TABLE invoice_lines (
  line_id INTEGER PRIMARY KEY, invoice_id INTEGER NOT NULL REFERENCES invoices (invoice_id), what TEXT, amount_cents INTEGER NOT NULL, tax_cents INTEGER NOT NULL
);
CREATE TABLE payments (
  payment_id INTEGER PRIMARY KEY, invoice_id INTEGER NOT NULL REFERENCES invoices (invoice_id), amount_cents INTEGER NOT NULL, method TEXT NOT NULL, paid_at TIMESTAMP NOT NULL
);
CREATE TABLE payment_methods (method_id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, kind TEXT NOT NULL, reference TEXT NOT NULL, expires CHAR(5));
CREATE TABLE refunds (refund_id INTEGER PRIMARY KEY, payment_id INTEGER NOT NULL REFERENCES payments (payment_id), amount_cents INTEGER NOT NULL, reason TEXT);
CREATE VIEW open_invoices AS SELECT invoice_id, customer_id, amount_cents, issued_at FROM invoices WHERE status = 'open';
