-- Held to when vedtak are taken in many at a time.
CREATE INDEX klage_vedtak ON klage (vedtak);
