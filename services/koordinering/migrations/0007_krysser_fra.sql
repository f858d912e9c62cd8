-- Since when what opens crosses a merge; empty for those confirmed before.
ALTER TABLE sammenslaing ADD COLUMN krysser_fra BIGINT;
