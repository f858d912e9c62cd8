-- A mandate to represent takes two persons. What a LEDER registered alone held
-- by the rule of its day, and is ended as any other.
UPDATE representasjon SET bekreftet = registrert, bekreftet_av = registrert_av
    WHERE ma_bekreftes = 0 AND bekreftet IS NULL;
ALTER TABLE representasjon DROP COLUMN ma_bekreftes;
