-- What staff record for their own unit is confirmed by another. What was
-- recorded before needs none.
ALTER TABLE samtykke ADD COLUMN ma_bekreftes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE samtykke ADD COLUMN bekreftet BIGINT;
ALTER TABLE samtykke ADD COLUMN bekreftet_av TEXT CHECK ((bekreftet IS NULL) = (bekreftet_av IS NULL));

-- How and when the person expressed the wish to lift an objection.
ALTER TABLE reservasjon ADD COLUMN opphevet_form BIGINT;
ALTER TABLE reservasjon ADD COLUMN opphevet_innhentet BIGINT;
