CREATE TABLE customers (
  customer_id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, full_name TEXT NOT NULL, date_of_birth DATE,
  country CHAR(2) NOT NULL, joined_at TIMESTAMP NOT NULL, is_active BOOLEAN NOT NULL
);
CREATE TABLE profiles (
  profile_id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (customer_id), nickname TEXT, is_kids BOOLEAN NOT NULL
);
CREATE TABLE devices (
  device_id INTEGER PRIMARY KEY, profile_id INTEGER NOT NULL REFERENCES profiles (profile_id), kind TEXT NOT NULL, os TEXT, first_seen_at TIMESTAMP
);
CREATE TABLE addresses (
  address_id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (customer_id), street TEXT, city TEXT, postcode VARCHAR(10), country CHAR(2)
);
CREATE TABLE consents (
  consent_id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (customer_id), purpose TEXT NOT NULL, is_given BOOLEAN NOT NULL, changed_at TIMESTAMP
);
CREATE TABLE support_tickets (
  ticket_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (customer_id), topic TEXT, note TEXT, opened_at TIMESTAMP
);
CREATE INDEX profiles_customer ON profiles (customer_id);
CREATE VIEW active_customers AS SELECT customer_id, email, country, joined_at FROM customers WHERE is_active;
CREATE VIEW newsletter_recipients AS
  SELECT c.customer_id, c.email, c.full_name FROM customers c JOIN consents k USING (customer_id) WHERE k.purpose = 'newsletter' AND k.is_given;
