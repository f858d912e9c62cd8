-- What boligkontor's events end, by person (src/innboks/bolig.rs).
CREATE INDEX ventepost_person ON ventepost (person, type);
