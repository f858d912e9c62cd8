-- The newest complete mapping of a person.
CREATE INDEX kartlegging_ferdig ON kartlegging (person, id) WHERE tilstand = 'FERDIG';
