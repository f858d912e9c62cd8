-- What a person has in force and under way, beside all that has ended.
CREATE INDEX vedtak_i_kraft ON vedtak (person, id)
    WHERE tilstand IN ('FATTET', 'UNDERRETTET', 'IVERKSATT');
CREATE INDEX oppdrag_person_apent ON oppdrag (person, enhet)
    WHERE vedtak IS NOT NULL AND tilstand IN ('TILBUDT', 'AKSEPTERT', 'STARTET', 'PAUSET');
