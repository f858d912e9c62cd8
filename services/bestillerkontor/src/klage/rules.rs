//! What may happen to a klage.

use samspor_chassis::{
    domene::{Aktor, Dag, Overganger, Virkninger, felt, kalender},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::bestillerkontor::{
    AvgjorKlageRequest, RegistrerKlageRequest, Statsforvalterutfall,
};

use super::{
    Avgjorelse, FRIST_AVGJORELSE, FRIST_KLAGE, FRIST_OVERSENDELSE, Innhold, Klage, Tilstand,
};
use crate::{
    ENHET,
    mottatt::{self, Mottatt},
    vedtak::{Klageutfall, Vedtak},
};

/// Which verb is allowed in which state.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("OmgjorKlage", &[Tilstand::Mottatt]),
    ("OpprettholdKlage", &[Tilstand::Mottatt]),
    ("OversendKlage", &[Tilstand::Opprettholdt]),
    ("AvgjorKlage", &[Tilstand::Oversendt]),
    (
        "TrekkKlage",
        &[
            Tilstand::Mottatt,
            Tilstand::Opprettholdt,
            Tilstand::Oversendt,
        ],
    ),
]);

/// Months within which the unit looks at it (fvl § 11 a: an answer within a
/// month).
const BEHANDLING_MANEDER: i32 = 1;
/// Working days within which it is sent on: a default, fvl § 33 says «as soon
/// as the case is prepared».
const OVERSENDELSE_ARBEIDSDAGER: u16 = 3;
/// Months after which the statsforvalter is asked: a default.
const AVGJORELSE_MANEDER: i32 = 3;

pub(crate) fn krev(klage: &Klage, verb: &str) -> Result<(), Refusal> {
    OVERGANGER.krev(verb, klage.tilstand, klage.tilstand.kode())
}

/// What a klage says.
pub(crate) struct Innsendt {
    grunn: String,
    forsinket_grunn: String,
    innsender: String,
    personens_onske: String,
    mottatt: Mottatt,
    /// Version that it disputes; 0: the one that the person was last told of.
    versjon: i32,
}

/// Reads what a klage says.
pub(crate) fn les(
    request: &RegistrerKlageRequest,
    personens_onske: String,
    selv: bool,
    now: Tid,
    faults: &mut FieldFaults,
) -> Innsendt {
    let why = &request.etterregistrert_grunn;
    Innsendt {
        mottatt: mottatt::les(&request.mottatt, why, "mottatt", selv, now, faults),
        versjon: request.versjon,
        grunn: felt::pakrevd(&request.grunn, "grunn", felt::LANG, faults),
        forsinket_grunn: felt::tekst(
            &request.forsinket_grunn,
            "forsinket_grunn",
            felt::LANG,
            faults,
        ),
        innsender: felt::tekst(&request.innsender, "innsender", felt::KORT, faults),
        personens_onske,
    }
}

/// Registers a klage over a vedtak.
///
/// # Errors
/// `IKKE_FUNNET` for what is not decided, `UGYLDIG_FORESPORSEL` before the
/// person was told, and after the last day without a reason.
pub(crate) fn registrer(
    vedtak: &Vedtak,
    id: String,
    innsendt: Innsendt,
    av: Aktor,
    pa_vegne_av: bool,
    now: Tid,
) -> Result<(Klage, Virkninger), Refusal> {
    if vedtak.forlop.fattet.is_none() {
        return Err(Refusal::not_found());
    }
    let mut faults = FieldFaults::new();
    let Some(told) = &vedtak.forlop.underretning else {
        faults.contradicts(
            "vedtak",
            "underrettet",
            "personen er ikke underrettet ennå; registrer underretningen først (UnderrettVedtak)",
        );
        faults.finish()?;
        return Err(Refusal::not_found());
    };
    let untold = vedtak.forlop.innholdsversjon > told.versjon;
    if innsendt.versjon != 0 && innsendt.versjon != told.versjon {
        let newer = untold && innsendt.versjon == vedtak.forlop.innholdsversjon;
        let fix = if newer {
            "personen er ikke underrettet om den ennå; registrer underretningen først \
             (UnderrettVedtak)"
        } else {
            "klagen gjelder versjonen som personen sist ble underrettet om"
        };
        faults.contradicts("versjon", "underrettet_versjon", fix);
    }
    let came = Dag::av(innsendt.mottatt.tid);
    let told_on = Dag::av(told.tid);
    if came < told_on {
        faults.form(
            "mottatt",
            format_args!("{told_on} eller senere, da personen ble underrettet"),
        );
    }
    if came > told.klagefrist && innsendt.forsinket_grunn.is_empty() {
        faults.contradicts(
            "forsinket_grunn",
            "klagefrist",
            format_args!(
                "klagefristen for versjon {} var {}; oppgi hvorfor klagen kommer etter den{}",
                told.versjon,
                told.klagefrist,
                if untold {
                    ", eller underrett først om den nye versjonen"
                } else {
                    ""
                }
            ),
        );
    }
    if !pa_vegne_av && !innsendt.innsender.is_empty() {
        faults.contradicts("innsender", "aktor", "personen klager selv");
    }
    faults.finish()?;
    let klage = Klage {
        person: vedtak.person.clone(),
        id,
        versjon: 1,
        tilstand: Tilstand::Mottatt,
        ansvarlig_enhet: vedtak.ansvarlig_enhet.clone(),
        vedtak: vedtak.id.clone(),
        innhold: Innhold {
            grunn: innsendt.grunn,
            innsender: innsendt.innsender,
            mottatt: innsendt.mottatt.tid,
            registrert: (innsendt.mottatt.tid != now).then_some(now),
            etterregistrert_grunn: innsendt.mottatt.grunn,
            registrert_av: av,
            pa_vegne_av,
            personens_onske: innsendt.personens_onske,
            trukket_onske: String::new(),
            klagefrist: told.klagefrist,
            forsinket_grunn: innsendt.forsinket_grunn,
            vedtaksversjon: told.versjon,
            behandlet: None,
            oversendt: None,
            avgjorelse: None,
            avsluttet: None,
        },
    };
    let mut out = Virkninger::new();
    let emne = klage.emne();
    out.hendelse("KlageMottatt", &emne, hoerer_om(&klage));
    out.fakta = klage.fakta(None);
    let due = kalender::maneder_etter(klage.innhold.mottatt, BEHANDLING_MANEDER);
    let due = kalender::til_arbeidsdag(due);
    out.frist(FRIST_KLAGE, &emne, due, None, hoerer_om(&klage));
    Ok((klage, out))
}

/// The unit changes its decision; the vedtak follows in the same step.
pub(crate) fn omgjor(
    mut klage: Klage,
    begrunnelse: String,
    av: Aktor,
    now: Tid,
) -> Result<(Klage, Klageutfall, Virkninger), Refusal> {
    krev(&klage, "OmgjorKlage")?;
    klage.tilstand = Tilstand::Omgjort;
    klage.innhold.behandlet = Some((now, av, begrunnelse));
    let out = avslutt(&mut klage, "KlageOmgjort", now);
    let utfall = utfall(&klage, now);
    Ok((klage, utfall, out))
}

/// The unit holds to its decision; it must be sent on.
pub(crate) fn oppretthold(
    mut klage: Klage,
    begrunnelse: String,
    av: Aktor,
    now: Tid,
) -> Result<(Klage, Virkninger), Refusal> {
    krev(&klage, "OpprettholdKlage")?;
    klage.tilstand = Tilstand::Opprettholdt;
    klage.innhold.behandlet = Some((now, av, begrunnelse));
    let mut out = Virkninger::new();
    let emne = klage.emne();
    out.hendelse("KlageOpprettholdt", &emne, hoerer_om(&klage));
    out.slett_frist(FRIST_KLAGE, &klage.name());
    let due = kalender::arbeidsdager_etter(now, OVERSENDELSE_ARBEIDSDAGER);
    out.frist(FRIST_OVERSENDELSE, &emne, due, None, hoerer_om(&klage));
    Ok((klage, out))
}

/// It is sent to the statsforvalter.
pub(crate) fn oversend(mut klage: Klage, now: Tid) -> Result<(Klage, Virkninger), Refusal> {
    krev(&klage, "OversendKlage")?;
    klage.tilstand = Tilstand::Oversendt;
    klage.innhold.oversendt = Some(now);
    let mut out = Virkninger::new();
    let emne = klage.emne();
    out.hendelse("KlageOversendt", &emne, hoerer_om(&klage));
    out.slett_frist(FRIST_OVERSENDELSE, &klage.name());
    let due = kalender::til_arbeidsdag(kalender::maneder_etter(now, AVGJORELSE_MANEDER));
    out.frist(FRIST_AVGJORELSE, &emne, due, None, hoerer_om(&klage));
    Ok((klage, out))
}

/// Reads what the statsforvalter decided.
pub(crate) fn les_avgjorelse(
    request: &AvgjorKlageRequest,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Avgjorelse> {
    let utfall = felt::valg(
        request.avgjorelse,
        "avgjorelse",
        "samspor.bestillerkontor.v1.Statsforvalterutfall",
        faults,
    );
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults);
    let dag = felt::pakrevd_dag(&request.avgjort, "avgjort", faults)?;
    if dag > Dag::av(now) {
        faults.form("avgjort", "en dag som ikke er etter i dag");
    }
    Some(Avgjorelse {
        utfall,
        begrunnelse,
        dag,
    })
}

/// The statsforvalter has decided.
pub(crate) fn avgjor(
    mut klage: Klage,
    avgjorelse: Avgjorelse,
    now: Tid,
) -> Result<(Klage, Klageutfall, Virkninger), Refusal> {
    krev(&klage, "AvgjorKlage")?;
    let sent = klage.innhold.oversendt.map(Dag::av);
    if let Some(sent) = sent.filter(|sent| avgjorelse.dag < *sent) {
        let mut faults = FieldFaults::new();
        faults.form(
            "avgjort",
            format_args!("{sent} eller senere, da den ble sendt"),
        );
        faults.finish()?;
    }
    klage.tilstand = Tilstand::Avgjort;
    klage.innhold.avgjorelse = Some(avgjorelse);
    let out = avslutt(&mut klage, "KlageAvgjort", now);
    let utfall = utfall(&klage, now);
    Ok((klage, utfall, out))
}

/// Takes it back on the person's wish.
pub(crate) fn trekk(
    mut klage: Klage,
    onske: String,
    now: Tid,
) -> Result<(Klage, Virkninger), Refusal> {
    krev(&klage, "TrekkKlage")?;
    klage.innhold.trukket_onske = onske;
    klage.tilstand = Tilstand::Trukket;
    let out = avslutt(&mut klage, "KlageTrukket", now);
    Ok((klage, out))
}

fn avslutt(klage: &mut Klage, hendelse: &'static str, now: Tid) -> Virkninger {
    klage.innhold.avsluttet = Some(now);
    let mut out = Virkninger::new();
    out.hendelse(hendelse, &klage.emne(), hoerer_om(klage));
    out.fakta = klage.fakta(Some(now));
    for kind in [FRIST_KLAGE, FRIST_OVERSENDELSE, FRIST_AVGJORELSE] {
        out.slett_frist(kind, &klage.name());
    }
    out
}

fn utfall(klage: &Klage, now: Tid) -> Klageutfall {
    let found = klage.innhold.avgjorelse.as_ref();
    Klageutfall {
        klage: klage.id.clone(),
        tilstand: klage.tilstand,
        avgjorelse: found.map_or(Statsforvalterutfall::Unspecified, |found| found.utfall),
        tid: now,
        versjon: 0,
        etterlevd: None,
    }
}

/// The unit that decided, and bestillerkontor.
fn hoerer_om(klage: &Klage) -> Vec<String> {
    let mut units = vec![klage.ansvarlig_enhet.clone()];
    if klage.ansvarlig_enhet != ENHET {
        units.push(ENHET.to_owned());
    }
    units
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]

    use samspor_chassis::domene::virkning::Fristendring;
    use samspor_proto::felles::Feilgrunn;

    use super::*;
    use crate::{
        proveark::{self, NOW, who},
        soknad,
        vedtak::{self, Fatting, Underretning},
    };

    fn instant(text: &str) -> Tid {
        text.parse().unwrap()
    }

    fn told(day: &str) -> Vedtak {
        let mut vedtak = proveark::utkast(&proveark::soknad(soknad::Tilstand::Klar));
        vedtak.tilstand = vedtak::Tilstand::Fattet;
        vedtak.forlop.fattet = Some(Fatting {
            tid: NOW,
            av: who(ENHET, "b1"),
            kartlegging: None,
        });
        let at = instant(&format!("{day}T10:00:00Z"));
        let (told, _) = vedtak::rules::underrett(vedtak, "brev".into(), Mottatt::na(at)).unwrap();
        told
    }

    fn sent(vedtak: &Vedtak, at: &str, late: &str) -> Result<(Klage, Virkninger), Refusal> {
        let innsendt = Innsendt {
            grunn: "For få timer".into(),
            forsinket_grunn: late.into(),
            personens_onske: String::new(),
            innsender: String::new(),
            mottatt: Mottatt::na(instant(at)),
            versjon: 0,
        };
        let by = who("rop", "r1");
        registrer(vedtak, "k".into(), innsendt, by, true, instant(at))
    }

    /// Three weeks, to the end of a Norwegian day, over Easter and over both
    /// nights in which the clock is changed. Seen red: with the last day
    /// counted in UTC, and without the next working day.
    #[test]
    fn the_last_day_is_three_weeks_after_the_person_was_told() {
        for (told_on, last, in_time, late) in [
            (
                "2027-01-15",
                "2027-02-05",
                "2027-02-05T22:59:59Z",
                "2027-02-05T23:00:00Z",
            ),
            // 28 March 2027 is Easter Sunday and the night of an hour less;
            // Easter Monday is a holiday.
            (
                "2027-03-07",
                "2027-03-30",
                "2027-03-30T21:59:59Z",
                "2027-03-30T22:00:00Z",
            ),
            // 31 October 2027 has an hour more, and is a Sunday.
            (
                "2027-10-10",
                "2027-11-01",
                "2027-11-01T22:59:59Z",
                "2027-11-01T23:00:00Z",
            ),
            // Christmas: 25 and 26 December, and a Sunday.
            (
                "2027-12-04",
                "2027-12-27",
                "2027-12-27T22:59:59Z",
                "2027-12-27T23:00:00Z",
            ),
        ] {
            let vedtak = told(told_on);
            let Some(Underretning { klagefrist, .. }) = &vedtak.forlop.underretning else {
                panic!("{told_on}")
            };
            assert_eq!(klagefrist.to_string(), last, "{told_on}");
            assert!(sent(&vedtak, in_time, "").is_ok(), "{told_on}");
            let refusal = sent(&vedtak, late, "").unwrap_err();
            assert_eq!(refusal.felt[0].felt, "forsinket_grunn", "{told_on}");
            assert!(sent(&vedtak, late, "Var innlagt").is_ok(), "{told_on}");
        }
    }

    /// Seen red: without the look at `underretning`.
    #[test]
    fn nothing_is_disputed_before_the_person_was_told() {
        let mut vedtak = told("2027-01-15");
        vedtak.forlop.underretning = None;
        let refusal = sent(&vedtak, "2027-01-16T10:00:00Z", "").unwrap_err();
        assert_eq!(refusal.felt[0].felt, "vedtak");
        vedtak.forlop.fattet = None;
        let refusal = sent(&vedtak, "2027-01-16T10:00:00Z", "").unwrap_err();
        assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
    }

    fn in_state(tilstand: Tilstand) -> Klage {
        let (mut klage, _) = sent(&told("2027-01-15"), "2027-01-16T10:00:00Z", "").unwrap();
        klage.tilstand = tilstand;
        klage
    }

    fn verb(name: &str, klage: Klage) -> Result<(Klage, Virkninger), Refusal> {
        let (why, by) = ("Riktig".to_owned(), who(ENHET, "b2"));
        let found = Avgjorelse {
            utfall: Statsforvalterutfall::Stadfestet,
            begrunnelse: "Riktig".into(),
            dag: Dag::av(NOW),
        };
        match name {
            "OmgjorKlage" => omgjor(klage, why, by, NOW).map(|(k, _, out)| (k, out)),
            "OpprettholdKlage" => oppretthold(klage, why, by, NOW),
            "OversendKlage" => oversend(klage, NOW),
            "AvgjorKlage" => avgjor(klage, found, NOW).map(|(k, _, out)| (k, out)),
            "TrekkKlage" => trekk(klage, String::new(), NOW),
            _ => panic!("{name}"),
        }
    }

    /// To see it red, move a state in `OVERGANGER`.
    #[test]
    fn every_cell() {
        proveark::every_cell(
            include_str!("../../tests/data/klage.csv"),
            Tilstand::ALLE,
            |name, state| verb(name, in_state(state)).map(|(klage, _)| klage.tilstand.kode()),
            Tilstand::kode,
        );
        assert_eq!(OVERGANGER.0.len(), 5);
    }

    /// I7. Seen red: without the deadline of OVERSENDT.
    #[test]
    fn at_each_step_one_clock_runs() {
        let (mut klage, out) = sent(&told("2027-01-15"), "2027-01-16T10:00:00Z", "").unwrap();
        let mut open: Vec<&str> = Vec::new();
        let mut follow = |out: &Virkninger| {
            for change in &out.frister {
                match change {
                    Fristendring::Sett(deadline) => open.push(deadline.kind),
                    Fristendring::Slett { kind, .. } => open.retain(|held| held != kind),
                }
            }
            open.clone()
        };
        assert_eq!(follow(&out), [FRIST_KLAGE]);
        for (name, expected) in [
            ("OpprettholdKlage", &[FRIST_OVERSENDELSE][..]),
            ("OversendKlage", &[FRIST_AVGJORELSE]),
            ("AvgjorKlage", &[]),
        ] {
            let (next, out) = verb(name, klage).unwrap();
            assert_eq!(follow(&out), expected, "{name}");
            klage = next;
        }
    }
}
