//! What may happen to a vedtak.

use std::time::Duration;

use samspor_chassis::{
    domene::{Aktor, Dag, Overganger, Virkninger, felt, kalender},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{Avslutningsarsak, OpphorVedtakRequest},
    felles::Feilgrunn,
    klassifisering::Klasser,
};

use super::{
    Avslutning, FRIST_UNDERRETNING, FRIST_UTLOP, Fatting, Forlop, Opphor, Tilstand, Underretning,
    Vedtak, innhold, innhold::Innhold,
};
use crate::{
    ENHET, KOORDINERING,
    oppdrag::{self, Oppdrag},
    soknad::{self, Soknad},
};

/// Which verb is allowed in which state.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("OppdaterVedtak", &[Tilstand::Utkast]),
    ("SendTilGodkjenning", &[Tilstand::Utkast]),
    ("ReturnerVedtak", &[Tilstand::TilGodkjenning]),
    ("FattVedtak", &[Tilstand::TilGodkjenning]),
    ("UnderrettVedtak", &[Tilstand::Fattet]),
    ("OpphorVedtak", I_KRAFT),
]);

/// States in which a vedtak is in force.
pub(crate) const I_KRAFT: &[Tilstand] =
    &[Tilstand::Fattet, Tilstand::Underrettet, Tilstand::Iverksatt];

/// Working days within which the person is told of a decision.
const UNDERRETNING_ARBEIDSDAGER: u16 = 3;
/// Days within which the person can send a klage (forvaltningsloven § 29).
const KLAGE_DAGER: i32 = 21;
/// How long before the last day the evaluation is due: four weeks.
const EVALUERING: Duration = Duration::from_hours(4 * 7 * 24);

fn krev(vedtak: &Vedtak, verb: &str) -> Result<(), Refusal> {
    OVERGANGER.krev(verb, vedtak.tilstand, vedtak.tilstand.kode())
}

/// Drafts a vedtak on an application.
///
/// # Errors
/// `UGYLDIG_OVERGANG` when the application is not being mapped or ready.
pub(crate) fn opprett(
    soknad: &Soknad,
    id: String,
    innhold: Innhold,
    av: Aktor,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    soknad::rules::krev(soknad, "OpprettVedtak")?;
    let vedtak = Vedtak {
        person: soknad.person.clone(),
        id,
        versjon: 1,
        tilstand: Tilstand::Utkast,
        ansvarlig_enhet: soknad.ansvarlig_enhet.clone(),
        soknad: soknad.id.clone(),
        innhold: innhold.med_linje_id(),
        forlop: Forlop {
            opprettet: now,
            forfattere: vec![av],
            retur_begrunnelse: String::new(),
            fattet: None,
            underretning: None,
            iverksatt: None,
            avslutning: None,
        },
    };
    let mut out = Virkninger::new();
    out.hendelse("VedtakOpprettet", &vedtak.emne(), [ENHET]);
    Ok((vedtak, out))
}

/// Replaces what a draft says, but for the classes that the caller may not
/// write.
pub(crate) fn oppdater(
    mut vedtak: Vedtak,
    innhold: Innhold,
    klasser: Klasser,
    av: Aktor,
) -> Result<Vedtak, Refusal> {
    krev(&vedtak, "OppdaterVedtak")?;
    vedtak.innhold = innhold
        .med_skjermet_fra(&vedtak.innhold, klasser)
        .med_linje_id();
    legg_til_forfatter(&mut vedtak, av);
    Ok(vedtak)
}

/// Sends a complete draft for decision.
pub(crate) fn send(mut vedtak: Vedtak, av: Aktor) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "SendTilGodkjenning")?;
    innhold::fullstendig(&vedtak.innhold)?;
    vedtak.tilstand = Tilstand::TilGodkjenning;
    legg_til_forfatter(&mut vedtak, av);
    let mut out = Virkninger::new();
    out.hendelse("VedtakTilGodkjenning", &vedtak.emne(), [ENHET]);
    Ok((vedtak, out))
}

/// Returns a vedtak to draft, with a reason.
pub(crate) fn returner(
    mut vedtak: Vedtak,
    begrunnelse: String,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "ReturnerVedtak")?;
    vedtak.tilstand = Tilstand::Utkast;
    vedtak.forlop.retur_begrunnelse = begrunnelse;
    let mut out = Virkninger::new();
    out.hendelse("VedtakReturnert", &vedtak.emne(), [ENHET]);
    Ok((vedtak, out))
}

/// What a decision changes.
#[derive(Debug)]
pub(crate) struct Fattet {
    pub(crate) vedtak: Vedtak,
    /// The application, closed.
    pub(crate) soknad: Soknad,
    /// Orders, one per line and unit.
    pub(crate) oppdrag: Vec<Oppdrag>,
    pub(crate) virkninger: Virkninger,
}

/// Decides: an employee who did not write on the draft, on an application that
/// is ready.
///
/// # Errors
/// `IKKE_TILLATT` (W4) for an author or a system, `UGYLDIG_FORESPORSEL` for a
/// part that is missing, `UGYLDIG_OVERGANG`.
pub(crate) fn fatt(
    mut vedtak: Vedtak,
    soknad: Soknad,
    av: &Aktor,
    now: Tid,
    mut new_id: impl FnMut() -> String,
) -> Result<Fattet, Refusal> {
    krev(&vedtak, "FattVedtak")?;
    let wrote = |author: &Aktor| author.er_samme_ansatte(av);
    if av.ansatt.is_empty() || vedtak.forlop.forfattere.iter().any(wrote) {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W4")
            .with(
                "rad",
                "Den som har skrevet på utkastet, kan ikke fatte vedtaket.",
            ));
    }
    innhold::fullstendig(&vedtak.innhold)?;
    let (soknad, mut out) = soknad::rules::vedta(soknad, av.clone(), now)?;
    vedtak.tilstand = Tilstand::Fattet;
    vedtak.forlop.fattet = Some(Fatting {
        tid: now,
        av: av.clone(),
        kartlegging: soknad.innhold.kartlegging.clone(),
    });

    let emne = vedtak.emne();
    out.fakta.extend(vedtak.fakta(None));
    out.hendelse("VedtakFattet", &emne, hoerer_om(&vedtak));
    let told_by = kalender::arbeidsdager_etter(now, UNDERRETNING_ARBEIDSDAGER);
    out.frist(FRIST_UNDERRETNING, &emne, told_by, None, [ENHET]);
    if let Some(last) = vedtak.innhold.siste_dag() {
        let due = last.slutt();
        let evaluation = due.minus(EVALUERING);
        out.frist(
            FRIST_UTLOP,
            &emne,
            due,
            Some(evaluation),
            hoerer_om(&vedtak),
        );
    }
    let mut orders = Vec::new();
    for line in &vedtak.innhold.linjer {
        for unit in &line.enheter {
            let order = oppdrag::rules::tilby(&vedtak, line, unit, new_id(), av, now, &mut out);
            orders.push(order);
        }
    }
    Ok(Fattet {
        vedtak,
        soknad,
        oppdrag: orders,
        virkninger: out,
    })
}

/// Records that the person was told.
pub(crate) fn underrett(
    mut vedtak: Vedtak,
    mate: String,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "UnderrettVedtak")?;
    let klage = Dag::av(now).pluss_dager(KLAGE_DAGER);
    let klage = if klage.er_arbeidsdag() {
        klage
    } else {
        klage.pluss_arbeidsdager(1)
    };
    vedtak.forlop.underretning = Some(Underretning {
        tid: now,
        mate,
        klagefrist: klage,
    });
    // A service may have started before the letter was written.
    let started = vedtak.forlop.iverksatt.is_some();
    vedtak.tilstand = if started {
        Tilstand::Iverksatt
    } else {
        Tilstand::Underrettet
    };
    let mut out = Virkninger::new();
    out.hendelse("VedtakUnderrettet", &vedtak.emne(), hoerer_om(&vedtak));
    out.slett_frist(FRIST_UNDERRETNING, &vedtak.name());
    Ok((vedtak, out))
}

/// A service under the vedtak started. None when one had before.
pub(crate) fn iverksett(mut vedtak: Vedtak, now: Tid) -> Option<(Vedtak, Virkninger)> {
    if vedtak.forlop.iverksatt.is_some() || !I_KRAFT.contains(&vedtak.tilstand) {
        return None;
    }
    vedtak.forlop.iverksatt = Some(now);
    if vedtak.tilstand == Tilstand::Underrettet {
        vedtak.tilstand = Tilstand::Iverksatt;
    }
    let mut out = Virkninger::new();
    out.hendelse("VedtakIverksatt", &vedtak.emne(), hoerer_om(&vedtak));
    Some((vedtak, out))
}

/// Reads why a vedtak is ended.
pub(crate) fn les_opphor(
    request: &OpphorVedtakRequest,
    av: Aktor,
    faults: &mut FieldFaults,
) -> Opphor {
    Opphor {
        av,
        begrunnelse: felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults),
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
        alternativ: felt::pakrevd(&request.alternativ, "alternativ", felt::LANG, faults),
    }
}

/// A vedtak that is no longer in force.
#[derive(Debug)]
pub(crate) struct Avsluttet {
    pub(crate) vedtak: Vedtak,
    /// Its open orders, ended.
    pub(crate) oppdrag: Vec<Oppdrag>,
    pub(crate) virkninger: Virkninger,
}

/// Ends a vedtak by a decision.
pub(crate) fn opphor(
    mut vedtak: Vedtak,
    apne: Vec<Oppdrag>,
    opphor: Opphor,
    now: Tid,
) -> Result<Avsluttet, Refusal> {
    krev(&vedtak, "OpphorVedtak")?;
    vedtak.tilstand = Tilstand::Opphort;
    let end = oppdrag::Slutt {
        arsak: Avslutningsarsak::VedtakOpphort,
        begrunnelse: opphor.begrunnelse.clone(),
        alternativ: opphor.alternativ.clone(),
    };
    let vedtatt = Some(opphor);
    Ok(avslutt(vedtak, apne, vedtatt, &end, "VedtakOpphort", now))
}

/// The last day has passed. None when the vedtak is not in force, or says
/// another last day than the deadline did.
pub(crate) fn utlop(mut vedtak: Vedtak, apne: Vec<Oppdrag>, now: Tid) -> Option<Avsluttet> {
    let passed = vedtak.innhold.siste_dag()?.slutt() <= now;
    if !passed || !I_KRAFT.contains(&vedtak.tilstand) {
        return None;
    }
    vedtak.tilstand = Tilstand::Utlopt;
    let end = oppdrag::Slutt {
        arsak: Avslutningsarsak::Utlopt,
        begrunnelse: String::new(),
        alternativ: String::new(),
    };
    Some(avslutt(vedtak, apne, None, &end, "VedtakUtlopt", now))
}

fn avslutt(
    mut vedtak: Vedtak,
    apne: Vec<Oppdrag>,
    vedtatt: Option<Opphor>,
    end: &oppdrag::Slutt,
    hendelse: &'static str,
    now: Tid,
) -> Avsluttet {
    let av = vedtatt.as_ref().map(|opphor| opphor.av.clone());
    vedtak.forlop.avslutning = Some(Avslutning { tid: now, vedtatt });
    let mut out = Virkninger::new();
    out.hendelse(hendelse, &vedtak.emne(), hoerer_om(&vedtak));
    out.fakta.extend(vedtak.fakta(Some(now)));
    out.slett_frist(FRIST_UNDERRETNING, &vedtak.name());
    out.slett_frist(FRIST_UTLOP, &vedtak.name());
    let oppdrag = apne
        .into_iter()
        .map(|order| oppdrag::rules::opphor(order, end.clone(), av.clone(), now, &mut out))
        .collect();
    Avsluttet {
        vedtak,
        oppdrag,
        virkninger: out,
    }
}

/// Everyone who hears of what happens to a vedtak in force.
fn hoerer_om(vedtak: &Vedtak) -> Vec<String> {
    let mut units: Vec<String> = vedtak.parter().into_iter().map(str::to_owned).collect();
    units.extend([ENHET, KOORDINERING].map(str::to_owned));
    units
}

fn legg_til_forfatter(vedtak: &mut Vedtak, av: Aktor) {
    let authors = &mut vedtak.forlop.forfattere;
    if !authors.contains(&av) {
        authors.push(av);
    }
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
    use samspor_proto::felles::{Faktum, Faktumtype};

    use super::*;
    use crate::proveark::{self, LATER, NOW, who};

    fn draft() -> Vedtak {
        proveark::utkast(&proveark::soknad(soknad::Tilstand::Klar))
    }

    fn in_state(tilstand: Tilstand) -> Vedtak {
        let mut vedtak = draft();
        vedtak.tilstand = tilstand;
        if tilstand != Tilstand::Utkast && tilstand != Tilstand::TilGodkjenning {
            vedtak.forlop.fattet = Some(Fatting {
                tid: NOW,
                av: who(ENHET, "b1"),
                kartlegging: Some("k".into()),
            });
        }
        vedtak
    }

    fn decide(vedtak: Vedtak, by: &str) -> Result<Fattet, Refusal> {
        let soknad = proveark::soknad(soknad::Tilstand::Klar);
        let mut n = 0;
        fatt(vedtak, soknad, &who(ENHET, by), NOW, || {
            n += 1;
            format!("o{n}")
        })
    }

    fn an_end() -> Opphor {
        Opphor {
            av: who(ENHET, "b1"),
            begrunnelse: "Behovet er falt bort".into(),
            hjemmel: samspor_chassis::domene::Hjemmel::default(),
            alternativ: "Ingen, personen klarer seg selv".into(),
        }
    }

    fn verb(name: &str, vedtak: Vedtak) -> Result<Tilstand, Refusal> {
        let by = who(ENHET, "b1");
        match name {
            "OppdaterVedtak" => {
                let innhold = vedtak.innhold.clone();
                oppdater(vedtak, innhold, Klasser::alle(), by).map(|v| v.tilstand)
            }
            "SendTilGodkjenning" => send(vedtak, by).map(|(v, _)| v.tilstand),
            "ReturnerVedtak" => returner(vedtak, "Mangler".into()).map(|(v, _)| v.tilstand),
            "FattVedtak" => decide(vedtak, "b1").map(|f| f.vedtak.tilstand),
            "UnderrettVedtak" => underrett(vedtak, "brev".into(), NOW).map(|(v, _)| v.tilstand),
            "OpphorVedtak" => opphor(vedtak, vec![], an_end(), NOW).map(|a| a.vedtak.tilstand),
            _ => panic!("{name}"),
        }
    }

    /// Every cell of state × verb: the state after, or `-` for refused. To see
    /// it red, move a state in `OVERGANGER`.
    #[test]
    fn every_cell() {
        proveark::every_cell(
            include_str!("../../tests/data/vedtak.csv"),
            Tilstand::ALLE,
            |name, state| verb(name, in_state(state)).map(Tilstand::kode),
            Tilstand::kode,
        );
        assert_eq!(OVERGANGER.0.len(), 6);
    }

    #[test]
    fn an_author_does_not_decide() {
        let (sent, _) = send(draft(), who(ENHET, "a2")).unwrap();
        // a1 drafted, a2 sent, and a system is nobody.
        for by in ["a1", "a2", ""] {
            let refusal = decide(sent.clone(), by).unwrap_err();
            assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt, "{by}");
            assert_eq!(refusal.nokler["regel"], "W4");
        }
        assert!(decide(sent, "b1").is_ok());
    }

    #[test]
    fn what_is_not_complete_is_neither_sent_nor_decided() {
        for change in [
            (|v| v.innhold.hjemmel = None) as fn(&mut Vedtak),
            |v| v.innhold.begrunnelse.clear(),
            |v| v.innhold.hovedansvarlig.clear(),
        ] {
            let mut vedtak = draft();
            change(&mut vedtak);
            let refusal = send(vedtak.clone(), who(ENHET, "a1")).unwrap_err();
            assert_eq!(refusal.grunn, Feilgrunn::UgyldigForesporsel);
            vedtak.tilstand = Tilstand::TilGodkjenning;
            let refusal = decide(vedtak, "b1").unwrap_err();
            assert_eq!(refusal.grunn, Feilgrunn::UgyldigForesporsel);
        }
    }

    #[test]
    fn a_withdrawn_application_is_not_decided() {
        let soknad = proveark::soknad(soknad::Tilstand::Trukket);
        let vedtak = in_state(Tilstand::TilGodkjenning);
        let refusal = fatt(vedtak, soknad, &who(ENHET, "b1"), NOW, String::new).unwrap_err();
        assert_eq!(refusal.nokler["tilstand"], "TRUKKET");
    }

    #[test]
    fn a_decision_orders_each_line_from_each_unit_and_says_who_takes_part() {
        let decided = decide(in_state(Tilstand::TilGodkjenning), "b1").unwrap();
        assert_eq!(decided.soknad.tilstand, soknad::Tilstand::Vedtatt);
        let orders: Vec<_> = decided
            .oppdrag
            .iter()
            .map(|o| {
                (
                    o.linje_id.as_str(),
                    o.enhet.as_str(),
                    o.ansvarlig_enhet.as_str(),
                )
            })
            .collect();
        assert_eq!(orders, [("1", "rop", ENHET), ("2", "bom", ENHET)]);

        let mut facts: Vec<_> = decided
            .virkninger
            .fakta
            .iter()
            .filter(|fact| fact.periode.as_ref().unwrap().til.is_none())
            .map(|fact| fact.id.as_str())
            .collect();
        facts.sort_unstable();
        assert_eq!(
            facts,
            [
                "hovedansvarlig/v/rop",
                "part/v/boligkontor",
                "part/v/bom",
                "part/v/nav",
                "part/v/rop",
                "sak/v",
                "sak/v/post",
                "utforer/o1",
                "utforer/o2",
                "utforer/v/bom",
                "utforer/v/rop",
                "utforer_kartlegging/v/bom",
                "utforer_kartlegging/v/rop",
            ]
        );
        let offered = decided
            .virkninger
            .hendelser
            .iter()
            .filter(|event| event.type_ == "OppdragTilbudt")
            .map(|event| event.mottakere.join(" "))
            .collect::<Vec<_>>();
        assert_eq!(
            offered,
            [
                "rop bestillerkontor koordinering",
                "bom bestillerkontor koordinering"
            ]
        );
    }

    /// P3: whoever delivers reads the mapping, and a mere party does not.
    ///
    /// Seen red: with UTFORER for the vedtak alone.
    #[test]
    fn those_who_deliver_read_the_mapping_that_it_stands_on() {
        let decided = decide(in_state(Tilstand::TilGodkjenning), "b1").unwrap();
        let mapping = "personer/p/kartlegginger/k";
        assert_eq!(decided.vedtak.to_proto().kartlegging, mapping);
        let readers = |facts: &[Faktum]| {
            let mut readers: Vec<_> = facts
                .iter()
                .filter(|fact| fact.post == mapping)
                .map(|fact| (fact.id.clone(), fact.r#type()))
                .collect();
            readers.sort_unstable();
            readers
        };
        let expected = [
            ("utforer_kartlegging/v/bom".to_owned(), Faktumtype::Utforer),
            ("utforer_kartlegging/v/rop".to_owned(), Faktumtype::Utforer),
        ];
        assert_eq!(readers(&decided.virkninger.fakta), expected);
        // It ends for a unit that has nothing left to deliver.
        let left = decided.vedtak.slipp("bom", LATER);
        assert_eq!(readers(&left), expected[..1]);
    }

    #[test]
    fn a_vedtak_with_a_last_day_has_its_clock() {
        let mut vedtak = in_state(Tilstand::TilGodkjenning);
        vedtak.innhold.bolig = None;
        for line in &mut vedtak.innhold.linjer {
            line.til = "2027-06-30".parse().ok();
        }
        let decided = decide(vedtak, "b1").unwrap();
        let clock = decided
            .virkninger
            .frister
            .iter()
            .find_map(|change| match change {
                Fristendring::Sett(deadline) if deadline.kind == FRIST_UTLOP => Some(deadline),
                _ => None,
            })
            .unwrap();
        assert_eq!(clock.due.to_string(), "2027-06-30T22:00:00Z");
        assert_eq!(clock.warn.unwrap().to_string(), "2027-06-02T22:00:00Z");
    }

    #[test]
    fn a_service_may_start_before_the_person_is_told() {
        let (started, _) = iverksett(in_state(Tilstand::Fattet), NOW).unwrap();
        assert_eq!(started.tilstand, Tilstand::Fattet);
        assert!(iverksett(started.clone(), LATER).is_none());
        let (told, _) = underrett(started, "brev".into(), LATER).unwrap();
        assert_eq!(told.tilstand, Tilstand::Iverksatt);

        let (told, _) = underrett(in_state(Tilstand::Fattet), "brev".into(), NOW).unwrap();
        assert_eq!(told.tilstand, Tilstand::Underrettet);
        let notice = told.forlop.underretning.clone().unwrap();
        assert_eq!(notice.klagefrist.to_string(), "2027-02-05");
        let (started, _) = iverksett(told, NOW).unwrap();
        assert_eq!(started.tilstand, Tilstand::Iverksatt);
    }

    #[test]
    fn the_end_of_a_vedtak_ends_its_orders_and_relations() {
        let decided = decide(in_state(Tilstand::TilGodkjenning), "b1").unwrap();
        let ended = opphor(decided.vedtak, decided.oppdrag, an_end(), LATER).unwrap();
        for order in &ended.oppdrag {
            assert_eq!(order.tilstand, oppdrag::Tilstand::Avsluttet);
            assert_eq!(order.ansvarlig_enhet, ENHET);
        }
        // Whatever began by the decision ends.
        let mut began: Vec<_> = decided.virkninger.fakta.into_iter().collect();
        began.retain(|fact| fact.periode.as_ref().unwrap().til.is_none());
        for fact in began {
            let end = ended
                .virkninger
                .fakta
                .iter()
                .find(|end| end.id == fact.id)
                .unwrap_or_else(|| panic!("{} does not end", fact.id));
            assert_eq!(end.periode.as_ref().unwrap().til, Some(LATER.into()));
            assert_eq!(end.periode.as_ref().unwrap().fra, fact.periode.unwrap().fra);
            assert_ne!(end.r#type(), Faktumtype::Unspecified);
        }
    }

    #[test]
    fn it_runs_out_only_after_its_last_day() {
        let mut vedtak = in_state(Tilstand::Iverksatt);
        assert!(utlop(vedtak.clone(), vec![], LATER).is_none());
        vedtak.innhold.bolig = None;
        for line in &mut vedtak.innhold.linjer {
            line.til = "2027-06-30".parse().ok();
        }
        let last: Dag = "2027-06-30".parse().unwrap();
        assert!(utlop(vedtak.clone(), vec![], Tid(last.slutt().0 - 1)).is_none());
        let ended = utlop(vedtak.clone(), vec![], last.slutt()).unwrap();
        assert_eq!(ended.vedtak.tilstand, Tilstand::Utlopt);
        vedtak.tilstand = Tilstand::Opphort;
        assert!(utlop(vedtak, vec![], last.slutt()).is_none());
    }
}
