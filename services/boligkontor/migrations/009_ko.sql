-- A person stands once on the list of a type.
CREATE UNIQUE INDEX ko_en_per_person ON ko (person, tildelingstype)
    WHERE til = 9223372036854775807;
-- Who had a dwelling held and did not take it.
CREATE INDEX reservasjon_lukket ON reservasjon (nokkel) WHERE tilstand = 'LUKKET';
