//! What may happen to a mapping.

use samspor_chassis::{
    domene::{Aktor, Dag, Overganger, Virkninger},
    error::{FieldFaults, Refusal},
    tid::Tid,
};

use super::{
    Beskrivelse, Boevne, FRIST_VARSEL, Innhenting, Innhold, Kartlegging, Kvittering, Livsomrade,
    Omrade, Resultat, Tilstand, Utgave,
};
use crate::{ENHET, soknad::Soknad};

/// Which verb is allowed in which state of the latest edition. `GjorKlarSoknad`
/// completes the first.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("RegistrerInstrument", &[Tilstand::Pagar]),
    ("OppdaterLivsomrader", &[Tilstand::Pagar]),
    ("FullforKartlegging", &[Tilstand::Pagar]),
    ("ReviderKartlegging", &[Tilstand::Ferdig]),
]);

/// Most results of one edition.
const MAKS_RESULTATER: usize = 100;

fn krev(utgave: &Utgave, verb: &str) -> Result<(), Refusal> {
    OVERGANGER.krev(verb, utgave.tilstand, utgave.tilstand.kode())
}

/// What completes an edition.
#[derive(Debug)]
pub(crate) struct Funn {
    pub(crate) beskrivelse: Beskrivelse,
    pub(crate) boevne: Option<Boevne>,
    pub(crate) innhenting: Option<Innhenting>,
}

/// The first edition of a mapping for an application. It begins with what an
/// earlier mapping of the person found, if there is one to build on.
pub(crate) fn ny(soknad: &Soknad, id: String, bygger_pa: Option<&Kartlegging>) -> Kartlegging {
    let found = bygger_pa.map(|earlier| Innhold {
        bygger_pa: Some(earlier.id.clone()),
        ny_begrunnelse: String::new(),
        revisjonsgrunn: String::new(),
        kartlagt: None,
        kartlagt_av: None,
        ..earlier.utgave.innhold.clone()
    });
    Kartlegging {
        person: soknad.person.clone(),
        id,
        versjon: 1,
        ansvarlig_enhet: soknad.ansvarlig_enhet.clone(),
        soknad: soknad.id.clone(),
        utgave: Utgave {
            nr: 1,
            tilstand: Tilstand::Pagar,
            innhold: found.unwrap_or_default(),
        },
    }
}

/// What single answers ask to be looked into is looked into today. The clock
/// stops when the asking is corrected, and when somebody has said what was seen
/// ([`kvitter`]). `asks`: the answers that were just registered do.
pub(crate) fn varsel(
    kartlegging: &Kartlegging,
    utgave: &Utgave,
    asks: bool,
    now: Tid,
) -> Virkninger {
    let mut out = Virkninger::new();
    let emne = kartlegging.emne();
    if asks {
        out.hendelse("KartleggingVarsel", &emne, [&*emne.eier]);
        let due = Dag::av(now).slutt();
        out.frist(FRIST_VARSEL, &emne, due, None, [&*emne.eier]);
    } else if !utgave.innhold.varsel_venter() {
        out.slett_frist(FRIST_VARSEL, &emne.post);
    }
    out
}

/// Adds an answered instrument. The same one asked at the same instant is
/// corrected.
pub(crate) fn registrer(mut utgave: Utgave, resultat: Resultat) -> Result<Utgave, Refusal> {
    krev(&utgave, "RegistrerInstrument")?;
    let all = &mut utgave.innhold.instrumenter;
    all.retain(|other| {
        other.instrument != resultat.instrument
            || other.innhenting.spurt != resultat.innhenting.spurt
    });
    if all.len() >= MAKS_RESULTATER {
        return Err(Refusal::conflict("så mange instrumenter i én utgave"));
    }
    let place = all.partition_point(|other| other.innhenting.spurt <= resultat.innhenting.spurt);
    all.insert(place, resultat);
    Ok(utgave)
}

/// Somebody has looked into what answers warned of.
///
/// # Errors
/// `UGYLDIG_OVERGANG` when nothing waits for it.
pub(crate) fn kvitter(
    kartlegging: &Kartlegging,
    mut utgave: Utgave,
    kvittering: Kvittering,
) -> Result<(Utgave, Virkninger), Refusal> {
    if !utgave.innhold.varsel_venter() {
        return Err(Refusal::transition(
            "INGEN_VARSEL",
            &["RegistrerInstrument"],
        ));
    }
    utgave.innhold.kvitteringer.push(kvittering);
    let mut out = Virkninger::new();
    let emne = kartlegging.emne();
    out.hendelse("KartleggingVarselKvittert", &emne, [&*emne.eier]);
    out.slett_frist(FRIST_VARSEL, &emne.post);
    Ok((utgave, out))
}

/// Nothing waits for somebody to look into it.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` that names the verb.
pub(crate) fn krev_kvittert(innhold: &Innhold) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    if innhold.varsel_venter() {
        faults.contradicts(
            "name",
            "varselkvitteringer",
            "et svar må ses nærmere på i dag; si hva som ble sett (KvitterVarsel)",
        );
    }
    faults.finish()
}

/// Sets areas of life; the others stay.
pub(crate) fn oppdater_livsomrader(
    mut utgave: Utgave,
    livsomrader: Vec<(Omrade, Livsomrade)>,
) -> Result<Utgave, Refusal> {
    krev(&utgave, "OppdaterLivsomrader")?;
    utgave.innhold.livsomrader.extend(livsomrader);
    Ok(utgave)
}

/// Begins the next edition from the one that holds.
pub(crate) fn revider(gjeldende: &Utgave, revisjonsgrunn: String) -> Result<Utgave, Refusal> {
    krev(gjeldende, "ReviderKartlegging")?;
    Ok(Utgave {
        nr: gjeldende.nr + 1,
        tilstand: Tilstand::Pagar,
        innhold: Innhold {
            revisjonsgrunn,
            kartlagt: None,
            kartlagt_av: None,
            ..gjeldende.innhold.clone()
        },
    })
}

/// Completes an edition; what the finding leaves empty stays as it was.
pub(crate) fn ferdigstill(mut utgave: Utgave, funn: Funn, av: Aktor, now: Tid) -> Utgave {
    let Funn {
        beskrivelse: Beskrivelse { funksjon, helse },
        boevne,
        innhenting,
    } = funn;
    let innhold = &mut utgave.innhold;
    if !funksjon.is_empty() {
        innhold.beskrivelse.funksjon = funksjon;
    }
    if !helse.is_empty() {
        innhold.beskrivelse.helse = helse;
    }
    innhold.boevne = boevne.or(innhold.boevne.take());
    innhold.innhenting = innhenting.or(innhold.innhenting.take());
    innhold.kartlagt = Some(now);
    innhold.kartlagt_av = Some(av);
    utgave.tilstand = Tilstand::Ferdig;
    utgave
}

/// Completes a later edition, which holds from now on. `leverer`: units that
/// deliver on it.
pub(crate) fn fullfor(
    gjeldende: &Kartlegging,
    utgave: Utgave,
    funn: Funn,
    leverer: Vec<String>,
    (av, now): (Aktor, Tid),
) -> Result<(Kartlegging, Virkninger), Refusal> {
    krev(&utgave, "FullforKartlegging")?;
    if utgave.nr == 1 {
        let allowed = [
            "RegistrerInstrument",
            "OppdaterLivsomrader",
            "GjorKlarSoknad",
        ];
        return Err(Refusal::transition(utgave.tilstand.kode(), &allowed));
    }
    krev_kvittert(&utgave.innhold)?;
    let kartlegging = gjeldende.i_utgave(ferdigstill(utgave, funn, av, now));
    let mut told = leverer;
    told.push(ENHET.to_owned());
    told.sort();
    told.dedup();
    let mut out = Virkninger::new();
    out.hendelse("KartleggingRevidert", &kartlegging.emne(), told);
    Ok((kartlegging, out))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]

    use samspor_proto::bestillerkontor::{Behovsniva, Boevneniva, Innhentingsform};

    use super::*;
    use crate::{
        kartlegging::instrument::Skar,
        proveark::{LATER, NOW, every_cell, soknad, who},
        soknad as soknader,
    };

    fn asked(spurt: Tid) -> Innhenting {
        Innhenting {
            spurt_av: "a1".into(),
            spurt,
            form: Innhentingsform::Muntlig,
            samtykke: None,
        }
    }

    fn resultat(instrument: &str, spurt: Tid, skar: f64) -> Resultat {
        Resultat {
            instrument: instrument.into(),
            instrumentversjon: "1".into(),
            svar: vec![],
            skar: Skar {
                skar,
                ..Default::default()
            },
            innhenting: asked(spurt),
            registrert_av: who(ENHET, "a1"),
            registrert: LATER,
        }
    }

    fn funn(funksjon: &str, helse: &str) -> Funn {
        Funn {
            beskrivelse: Beskrivelse {
                funksjon: funksjon.into(),
                helse: helse.into(),
            },
            boevne: None,
            innhenting: Some(asked(LATER)),
        }
    }

    fn omrade(behov: Behovsniva) -> Livsomrade {
        Livsomrade {
            behov,
            egne_ord: "Jeg vil bo alene".into(),
            beskrivelse: String::new(),
            innhenting: asked(NOW),
        }
    }

    fn begun() -> Kartlegging {
        ny(
            &soknad(soknader::Tilstand::UnderKartlegging),
            "k".into(),
            None,
        )
    }

    fn complete() -> Kartlegging {
        let begun = begun();
        let utgave = registrer(begun.utgave.clone(), resultat("audit", NOW, 9.0)).unwrap();
        let areas = vec![(Omrade::Bolig, omrade(Behovsniva::Akutt))];
        let utgave = oppdater_livsomrader(utgave, areas).unwrap();
        let mut found = funn("Klarer lite", "Angst");
        found.boevne = Some(Boevne {
            niva: Boevneniva::MedOppfolging,
            beskrivelse: String::new(),
        });
        begun.i_utgave(ferdigstill(utgave, found, who(ENHET, "a1"), NOW))
    }

    fn next(of: &Kartlegging) -> Utgave {
        revider(&of.utgave, "Flyttet".into()).unwrap()
    }

    fn complete_next(utgave: Utgave, found: Funn) -> Result<(Kartlegging, Virkninger), Refusal> {
        let units = vec!["rop".to_owned(), "bom".to_owned()];
        fullfor(&complete(), utgave, found, units, (who(ENHET, "a2"), LATER))
    }

    /// Every cell of state × verb. Seen red: with FERDIG among the states of
    /// `RegistrerInstrument`.
    #[test]
    fn every_cell_of_the_table() {
        every_cell(
            include_str!("../../tests/data/kartlegging.csv"),
            Tilstand::ALLE,
            |verb, state| {
                let mut utgave = next(&complete());
                utgave.tilstand = state;
                match verb {
                    "RegistrerInstrument" => registrer(utgave, resultat("audit", NOW, 1.0)),
                    "OppdaterLivsomrader" => oppdater_livsomrader(utgave, vec![]),
                    "FullforKartlegging" => {
                        complete_next(utgave, funn("", "")).map(|(k, _)| k.utgave)
                    }
                    "ReviderKartlegging" => revider(&utgave, String::new()),
                    _ => panic!("{verb}"),
                }
                .map(|utgave| utgave.tilstand.kode())
            },
            Tilstand::kode,
        );
    }

    /// Seen red: with the number left as it was, and with an empty finding in
    /// place of what was there.
    #[test]
    fn a_new_edition_begins_with_the_one_before_and_keeps_what_nobody_changed() {
        let first = complete();
        let second = next(&first);
        assert_eq!((second.nr, second.tilstand), (2, Tilstand::Pagar));
        assert_eq!(second.innhold.kartlagt, None);
        let changed = vec![(Omrade::Rus, omrade(Behovsniva::Lite))];
        let second = oppdater_livsomrader(second, changed).unwrap();
        let (held, out) = complete_next(second, funn("Klarer mer", "")).unwrap();
        let found = &held.utgave.innhold;
        assert_eq!(found.beskrivelse.funksjon, "Klarer mer");
        assert_eq!(found.beskrivelse.helse, "Angst");
        assert_eq!(
            found.boevne.as_ref().unwrap().niva,
            Boevneniva::MedOppfolging
        );
        assert_eq!(found.revisjonsgrunn, "Flyttet");
        assert_eq!(found.livsomrader.len(), 2);
        assert_eq!(found.instrumenter.len(), 1);
        assert_eq!(found.kartlagt, Some(LATER));
        assert_eq!(out.hendelser[0].type_, "KartleggingRevidert");
        assert_eq!(
            out.hendelser[0].mottakere,
            ["bestillerkontor", "bom", "rop"]
        );
    }

    #[test]
    fn the_first_edition_is_completed_with_its_application() {
        let refused = complete_next(begun().utgave, funn("x", "")).unwrap_err();
        assert!(refused.nokler["tillatt"].ends_with("GjorKlarSoknad"));
    }

    #[test]
    fn results_stand_in_order_and_the_same_asking_is_corrected() {
        let mut utgave = begun().utgave;
        for (instrument, at, skar) in [
            ("phq9", LATER, 3.0),
            ("audit", NOW, 9.0),
            ("audit", LATER, 4.0),
            ("audit", NOW, 8.0),
        ] {
            utgave = registrer(utgave, resultat(instrument, at, skar)).unwrap();
        }
        let found: Vec<(&str, f64)> = utgave
            .innhold
            .instrumenter
            .iter()
            .map(|r| (r.instrument.as_str(), r.skar.skar))
            .collect();
        assert_eq!(found, [("audit", 8.0), ("phq9", 3.0), ("audit", 4.0)]);
        for n in 3..100 {
            utgave = registrer(utgave, resultat("gad7", Tid(n), 0.0)).unwrap();
        }
        let refused = registrer(utgave, resultat("gad7", LATER, 0.0)).unwrap_err();
        assert_eq!(refused.grunn, samspor_proto::felles::Feilgrunn::Konflikt);
    }

    #[test]
    fn a_mapping_can_begin_with_an_earlier_one() {
        let earlier = complete();
        let application = soknad(soknader::Tilstand::UnderKartlegging);
        let begun = ny(&application, "k2".into(), Some(&earlier));
        let found = &begun.utgave.innhold;
        assert_eq!(begun.utgave.tilstand, Tilstand::Pagar);
        assert_eq!(found.bygger_pa.as_deref(), Some("k"));
        assert_eq!(found.kartlagt, None);
        assert_eq!(found.instrumenter, earlier.utgave.innhold.instrumenter);
        assert_eq!(found.livsomrader, earlier.utgave.innhold.livsomrader);
    }
}
