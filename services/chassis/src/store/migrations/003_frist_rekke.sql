-- Deadlines are taken in pages by (neste, post, type): many are due at the same
-- instant, at the end of a day.
DROP INDEX chassis_frist_neste;
CREATE INDEX chassis_frist_neste ON chassis_frist (neste, post, type) WHERE neste IS NOT NULL;
