-- Tasks that boligkontor's events end, by person (src/bolig.rs).
CREATE INDEX oppgave_person ON oppgave (person, type) WHERE venter = 1;
