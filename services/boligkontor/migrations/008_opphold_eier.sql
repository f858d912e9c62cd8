-- Unit that owns a stay: who is told when the person gets a dwelling.
ALTER TABLE opphold ADD COLUMN eier TEXT NOT NULL DEFAULT 'nav' CHECK (eier <> '');
