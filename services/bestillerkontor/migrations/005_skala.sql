-- Services without a vedtak are few beside all that a person has been ordered.
CREATE INDEX oppdrag_kortvarig ON oppdrag (person, id) WHERE vedtak IS NULL;
CREATE INDEX oppdrag_uavsluttet ON oppdrag (vedtak, id) WHERE tilstand <> 'AVSLUTTET';
CREATE INDEX soknad_person_apen ON soknad (person)
    WHERE tilstand IN ('MOTTATT', 'UNDER_KARTLEGGING', 'KLAR');
