-- Who an event was addressed to, asked by event: what a unit may see of a person.
CREATE INDEX chassis_hendelse_mottaker_hendelse ON chassis_hendelse_mottaker (hendelse, mottaker);
