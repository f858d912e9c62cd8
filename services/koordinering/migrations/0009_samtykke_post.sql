-- The one record that a consent opens; empty: every record of the person.
ALTER TABLE samtykke ADD COLUMN post TEXT NOT NULL DEFAULT '';
