//! Two persons, two steps: what a protection may say, who may take which step
//! from which state, and which need would be left alone.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Hjemmel, felt},
    error::{FieldFaults, Refusal},
};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    koordinering::{ForeslaVernRequest, Verntype},
};

use super::{Innhold, Mandat, Parter, Vern};
use crate::{
    navn,
    tosteg::{Steg, Verb, begrunnelse},
};

/// Most units or employees that one list names.
const FLEST: usize = 50;
/// Longest employee id.
const ANSATT_LENGDE: usize = 128;

const VERB: Verb = Verb {
    foresla: "ForeslaVern",
    bekreft: "BekreftVern",
    avvis: "AvvisForslagOmVern",
    foresla_oppheving: "ForeslaOpphevingAvVern",
    bekreft_oppheving: "BekreftOpphevingAvVern",
};

/// What a proposal says, once it is well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forslag {
    pub(crate) innhold: Innhold,
    pub(crate) hjemmel: Hjemmel,
    pub(crate) begrunnelse: String,
}

/// Reads a proposal of an employee of `enhet`.
pub(crate) fn les(
    request: &ForeslaVernRequest,
    enhet: &str,
    faults: &mut FieldFaults,
) -> Option<Forslag> {
    let mandat = Mandat {
        enheter: units(&request.mandaterte_enheter, "mandaterte_enheter", faults),
        ansatte: employees(&request.mandaterte_ansatte, "mandaterte_ansatte", faults),
    };
    let enheter = units(&request.gjelder_enheter, "gjelder_enheter", faults);
    let ansatte = employees(&request.gjelder_ansatte, "gjelder_ansatte", faults);
    only_fitting_fields(request, faults);

    let innhold = match request.r#type() {
        Verntype::Unspecified => {
            faults.unknown(
                "type",
                "SPERRING, FORTROLIG_ADRESSE, STRENGT_FORTROLIG_ADRESSE, INHABILITET",
            );
            None
        }
        Verntype::Sperring => Some(Innhold::Sperring(parties(
            request, enheter, ansatte, faults,
        ))),
        Verntype::Inhabilitet => {
            if ansatte.is_empty() {
                faults.missing("gjelder_ansatte");
            }
            Some(Innhold::Inhabilitet(ansatte))
        }
        Verntype::FortroligAdresse => {
            own_unit_is_mandated(&mandat, enhet, faults);
            Some(Innhold::FortroligAdresse(mandat))
        }
        Verntype::StrengtFortroligAdresse => {
            own_unit_is_mandated(&mandat, enhet, faults);
            Some(Innhold::StrengtFortroligAdresse(mandat))
        }
    };
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults);
    let begrunnelse = begrunnelse(&request.begrunnelse, "begrunnelse", faults);
    Some(Forslag {
        innhold: innhold?,
        hjemmel,
        begrunnelse,
    })
}

/// A list that means nothing for the kind is a misunderstanding, not noise.
fn only_fitting_fields(request: &ForeslaVernRequest, faults: &mut FieldFaults) {
    const MANDATE: &str = "bare adressebeskyttelse navngir mandaterte";
    let (address, block, employees) = match request.r#type() {
        Verntype::Sperring => (false, true, true),
        Verntype::Inhabilitet => (false, false, true),
        Verntype::FortroligAdresse | Verntype::StrengtFortroligAdresse => (true, false, false),
        // The kind itself is the fault.
        Verntype::Unspecified => (true, true, true),
    };
    let table = [
        (
            !request.mandaterte_enheter.is_empty(),
            address,
            "mandaterte_enheter",
            MANDATE,
        ),
        (
            !request.mandaterte_ansatte.is_empty(),
            address,
            "mandaterte_ansatte",
            MANDATE,
        ),
        (
            !request.gjelder_enheter.is_empty(),
            block,
            "gjelder_enheter",
            "bare sperring gjelder enheter",
        ),
        (
            !request.gjelder_ansatte.is_empty(),
            employees,
            "gjelder_ansatte",
            "bare sperring og inhabilitet gjelder ansatte",
        ),
        (
            request.gjelder_alle_enheter,
            block,
            "gjelder_alle_enheter",
            "bare sperring gjelder alle enheter",
        ),
    ];
    for (given, fits, field, rule) in table {
        if given && !fits {
            faults.contradicts(field, "type", rule);
        }
    }
}

fn parties(
    request: &ForeslaVernRequest,
    enheter: Vec<String>,
    ansatte: Vec<String>,
    faults: &mut FieldFaults,
) -> Parter {
    if request.gjelder_alle_enheter {
        for (given, field) in [
            (!request.gjelder_enheter.is_empty(), "gjelder_enheter"),
            (!request.gjelder_ansatte.is_empty(), "gjelder_ansatte"),
        ] {
            if given {
                let rule = "alle enheter er valgt; la listen stå tom";
                faults.contradicts(field, "gjelder_alle_enheter", rule);
            }
        }
        return Parter::AlleEnheter;
    }
    if request.gjelder_enheter.is_empty() && request.gjelder_ansatte.is_empty() {
        faults.missing("gjelder_enheter");
    }
    Parter::Navngitte { enheter, ansatte }
}

/// Whoever sets a protection must be able to lift it.
fn own_unit_is_mandated(mandat: &Mandat, enhet: &str, faults: &mut FieldFaults) {
    if mandat.enheter.is_empty() {
        faults.missing("mandaterte_enheter");
    } else if !mandat.enheter.iter().any(|unit| unit == enhet) {
        let rule = "enheten som foreslår vernet, må selv være mandatert";
        faults.contradicts("mandaterte_enheter", navn::enhet(enhet), rule);
    }
}

fn units(names: &[String], field: &'static str, faults: &mut FieldFaults) -> Vec<String> {
    if names.len() > FLEST {
        faults.range(field, 1, FLEST);
        return Vec::new();
    }
    let read = names.iter().enumerate();
    let read = read.map(|(n, name)| navn::les_enhet(name, &format!("{field}[{n}]"), faults));
    let distinct: BTreeSet<String> = read.collect();
    distinct.into_iter().collect()
}

fn employees(ids: &[String], field: &'static str, faults: &mut FieldFaults) -> Vec<String> {
    if ids.len() > FLEST {
        faults.range(field, 1, FLEST);
        return Vec::new();
    }
    for (n, id) in ids.iter().enumerate() {
        if id.is_empty() {
            faults.missing(format!("{field}[{n}]"));
        } else if id.len() > ANSATT_LENGDE {
            faults.too_long(format!("{field}[{n}]"), ANSATT_LENGDE);
        } else if id.chars().any(|c| c.is_whitespace() || c.is_control()) {
            faults.form(format!("{field}[{n}]"), "en ansattid uten mellomrom");
        }
    }
    let distinct: BTreeSet<&String> = ids.iter().collect();
    distinct.into_iter().cloned().collect()
}

/// Who may propose: the leader, by name.
///
/// # Errors
/// `IKKE_TILLATT` (W7) for any other role.
pub(crate) fn kan_foresla(steg: &Steg) -> Result<(), Refusal> {
    if steg.hvem.rolle == Rolle::Leder && !steg.hvem.ansatt.is_empty() {
        Ok(())
    } else {
        Err(w7("Vern foreslås av enhetens leder."))
    }
}

/// Confirms a proposed protection.
///
/// # Errors
/// `UGYLDIG_OVERGANG` from another state; `IKKE_TILLATT` (W7) by the proposer, by
/// another unit, or by one whom it disqualifies.
pub(crate) fn bekreft(vern: Vern, steg: Steg) -> Result<Vern, Refusal> {
    let second = second_person(&vern, &vern.foreslatt, &steg);
    let tilstand = vern.tilstand.clone().bekreft(steg, &VERB)?;
    second?;
    Ok(Vern { tilstand, ..vern })
}

/// Rejects a proposal to set or to lift; the proposer may take it back.
///
/// # Errors
/// `UGYLDIG_OVERGANG` when nothing is proposed; `IKKE_TILLATT` (W7) by another
/// unit.
pub(crate) fn avvis(vern: Vern, steg: Steg) -> Result<Vern, Refusal> {
    let allowed = of_the_unit(&vern, &steg);
    let tilstand = vern.tilstand.clone().avvis(steg, &VERB)?;
    allowed?;
    Ok(Vern { tilstand, ..vern })
}

/// Proposes to lift a protection that holds.
///
/// # Errors
/// `UGYLDIG_OVERGANG` from another state; `IKKE_TILLATT` (W7) by another role than
/// the leader or by another unit.
pub(crate) fn foresla_oppheving(
    vern: Vern,
    steg: Steg,
    begrunnelse: String,
) -> Result<Vern, Refusal> {
    let allowed = of_the_unit(&vern, &steg).and_then(|()| kan_foresla(&steg));
    let state = vern.tilstand.clone();
    let tilstand = state.foresla_oppheving(steg, begrunnelse, &VERB)?;
    allowed?;
    Ok(Vern { tilstand, ..vern })
}

/// Confirms that a protection is lifted.
///
/// # Errors
/// `UGYLDIG_OVERGANG` from another state; `IKKE_TILLATT` (W7) by the proposer, by
/// another unit, or by one whom it disqualifies.
pub(crate) fn bekreft_oppheving(vern: Vern, steg: Steg) -> Result<Vern, Refusal> {
    let first = vern.tilstand.forslag().map(|proposal| proposal.av.clone());
    let second = second_person(&vern, first.as_ref().unwrap_or(&vern.foreslatt), &steg);
    let tilstand = vern.tilstand.clone().bekreft_oppheving(steg, &VERB)?;
    second?;
    Ok(Vern { tilstand, ..vern })
}

/// Whom every address protection of the kind that holds names; none where there
/// is none. The ids of a merged person can have one each, and the narrowest
/// holds for all.
pub(crate) fn felles_mandat<'v>(
    vern: impl IntoIterator<Item = &'v Vern>,
    kind: Verntype,
) -> Option<Mandat> {
    vern.into_iter()
        .filter(|vern| vern.innhold.verntype() == kind)
        .filter_map(|vern| vern.innhold.mandat().cloned())
        .reduce(|one, other| one.og(&other))
}

/// Address protection is refused while a unit that answers for an open need, or
/// for a protection that it must be able to lift, would no longer see the
/// person (tilgang, order 1; I3).
///
/// # Errors
/// `BEHOV_UTEN_ANSVARLIG` with the units that must be mandated or hand over.
pub(crate) fn ingen_uten_ansvarlig(vern: &[Vern], ansvarlige: &[String]) -> Result<(), Refusal> {
    let mut left = BTreeSet::new();
    for kind in [
        Verntype::FortroligAdresse,
        Verntype::StrengtFortroligAdresse,
    ] {
        let Some(mandat) = felles_mandat(vern, kind) else {
            continue;
        };
        let of_the_kind = vern.iter().filter(|vern| vern.innhold.verntype() == kind);
        let needed = ansvarlige.iter().chain(of_the_kind.map(|vern| &vern.eier));
        left.extend(needed.filter(|unit| !mandat.enheter.contains(unit)));
    }
    if left.is_empty() {
        return Ok(());
    }
    let left: Vec<String> = left.into_iter().map(|unit| navn::enhet(unit)).collect();
    Err(Refusal::new(Feilgrunn::BehovUtenAnsvarlig).with("enhet", left.join(", ")))
}

fn second_person(vern: &Vern, first: &Steg, second: &Steg) -> Result<(), Refusal> {
    of_the_unit(vern, second)?;
    if !matches!(second.hvem.rolle, Rolle::Leder | Rolle::Beslutter)
        || second.hvem.ansatt.is_empty()
    {
        return Err(w7("Forslaget bekreftes av en leder eller beslutter."));
    }
    if !second.av_en_annen(first) {
        return Err(w7(
            "Forslaget må bekreftes av en annen ansatt enn den som fremmet det.",
        ));
    }
    if let Innhold::Inhabilitet(ansatte) = &vern.innhold
        && ansatte.contains(&second.hvem.ansatt)
    {
        return Err(w7("Den som inhabiliteten gjelder, kan ikke bekrefte."));
    }
    Ok(())
}

fn of_the_unit(vern: &Vern, steg: &Steg) -> Result<(), Refusal> {
    if steg.hvem.enhet == vern.eier {
        Ok(())
    } else {
        Err(w7("Bare enheten som foreslo vernet, kan endre det."))
    }
}

fn w7(advice: &str) -> Refusal {
    Refusal::new(Feilgrunn::IkkeTillatt)
        .with("regel", "W7")
        .with("rad", advice)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]

    use samspor_chassis::tid::Tid;
    use samspor_proto::felles::{Faktum, Faktumtype};

    use super::*;
    use crate::{Aktor, tosteg::Tilstand};

    fn step(enhet: &str, ansatt: &str, rolle: Rolle) -> Steg {
        Steg {
            hvem: Aktor {
                enhet: enhet.into(),
                ansatt: ansatt.into(),
                rolle,
            },
            tid: Tid(7),
        }
    }

    fn leader() -> Steg {
        step("rop", "a1", Rolle::Leder)
    }

    fn decider() -> Steg {
        step("rop", "a2", Rolle::Beslutter)
    }

    fn mandate(units: &[&str]) -> Mandat {
        Mandat {
            enheter: units.iter().map(|unit| (*unit).to_owned()).collect(),
            ansatte: Vec::new(),
        }
    }

    fn proposed(innhold: Innhold) -> Vern {
        Vern {
            id: "v".into(),
            person: "p".into(),
            versjon: 1,
            eier: "rop".into(),
            innhold,
            hjemmel: Hjemmel {
                lov: "folkeregisterloven".into(),
                paragraf: "§ 10-4".into(),
            },
            begrunnelse: "trusler mot livet".into(),
            foreslatt: leader(),
            tilstand: Tilstand::Foreslatt,
        }
    }

    fn strict() -> Vern {
        proposed(Innhold::StrengtFortroligAdresse(mandate(&["rop", "nav"])))
    }

    type Verb = fn(Vern) -> Result<Vern, Refusal>;
    const VERBS: [(&str, Verb); 4] = [
        ("BekreftVern", |v| bekreft(v, decider())),
        ("AvvisForslagOmVern", |v| avvis(v, decider())),
        ("ForeslaOpphevingAvVern", |v| {
            foresla_oppheving(v, leader(), "faren er over".into())
        }),
        ("BekreftOpphevingAvVern", |v| {
            bekreft_oppheving(v, decider())
        }),
    ];

    /// Every state against every verb: the refusal names exactly the verbs
    /// that succeed. To see it red, let `avvis` accept GJELDENDE.
    #[test]
    fn each_state_allows_what_its_refusal_names() {
        let held = bekreft(strict(), decider()).unwrap();
        let lifting = foresla_oppheving(held.clone(), leader(), "faren er over".into()).unwrap();
        let states = [
            strict(),
            held,
            lifting.clone(),
            bekreft_oppheving(lifting, decider()).unwrap(),
            avvis(strict(), decider()).unwrap(),
        ];
        for state in states {
            let named = VERB.feil(&state.tilstand).nokler["tillatt"].clone();
            for (verb, apply) in VERBS {
                let name = state.tilstand.navn();
                match apply(state.clone()) {
                    Ok(_) => assert!(named.contains(verb), "{verb} in {name}"),
                    Err(refusal) => {
                        assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
                        assert_eq!(refusal.nokler["tilstand"], name);
                        assert!(!named.contains(verb), "{verb} in {name}");
                    }
                }
            }
        }
    }

    /// To see it red, drop the comparison of employees in `second_person`.
    #[test]
    fn it_takes_two_persons_of_the_unit() {
        let table = [
            (decider(), true),
            (step("rop", "a3", Rolle::Leder), true),
            (leader(), false),
            (step("rop", "a1", Rolle::Beslutter), false),
            (step("nav", "a2", Rolle::Beslutter), false),
            (step("rop", "a2", Rolle::Saksbehandler), false),
            (step("rop", "", Rolle::Beslutter), false),
            (step("rop", "", Rolle::System), false),
        ];
        for (who, allowed) in table {
            let set = bekreft(strict(), who.clone());
            assert_eq!(set.is_ok(), allowed, "{who:?}");
            let held = bekreft(strict(), decider()).unwrap();
            let lifting = foresla_oppheving(held, leader(), "faren er over".into()).unwrap();
            let lifted = bekreft_oppheving(lifting, who.clone());
            assert_eq!(lifted.is_ok(), allowed, "{who:?}");
        }
        assert!(kan_foresla(&decider()).is_err());
        assert!(kan_foresla(&step("rop", "", Rolle::Leder)).is_err());
    }

    #[test]
    fn whoever_is_disqualified_does_not_confirm_it() {
        let vern = proposed(Innhold::Inhabilitet(vec!["a2".into()]));
        let refusal = bekreft(vern.clone(), decider()).unwrap_err();
        assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
        assert!(bekreft(vern, step("rop", "a3", Rolle::Leder)).is_ok());
    }

    #[test]
    fn no_open_need_loses_its_responsible_unit() {
        let responsible = |units: &[&str]| -> Vec<String> {
            units.iter().map(|unit| (*unit).to_owned()).collect()
        };
        let strict = [strict()];
        assert!(ingen_uten_ansvarlig(&strict, &[]).is_ok());
        assert!(ingen_uten_ansvarlig(&strict, &responsible(&["nav", "rop"])).is_ok());
        let refusal = ingen_uten_ansvarlig(
            &strict,
            &responsible(&["hjemmetjeneste", "rop", "bom", "bom"]),
        )
        .unwrap_err();
        assert_eq!(refusal.grunn, Feilgrunn::BehovUtenAnsvarlig);
        assert_eq!(
            refusal.nokler["enhet"],
            "enheter/bom, enheter/hjemmetjeneste"
        );
        let block = [proposed(Innhold::Sperring(Parter::AlleEnheter))];
        assert!(ingen_uten_ansvarlig(&block, &responsible(&["bom"])).is_ok());
    }

    /// Two of a kind are as narrow as both; one of another kind narrows nothing.
    ///
    /// Seen red: with the union in [`Mandat::og`]; without the owners among
    /// the needed.
    #[test]
    fn of_two_protections_whom_both_name_is_mandated() {
        let strict = |units: &[&str]| proposed(Innhold::StrengtFortroligAdresse(mandate(units)));
        let two = [
            strict(&["rop", "nav"]),
            strict(&["rop", "bom"]),
            proposed(Innhold::FortroligAdresse(mandate(&["rop"]))),
        ];
        let kind = Verntype::StrengtFortroligAdresse;
        assert_eq!(felles_mandat(&two, kind), Some(mandate(&["rop"])));
        assert!(ingen_uten_ansvarlig(&two, &["rop".to_owned()]).is_ok());
        let refusal = ingen_uten_ansvarlig(&two, &["nav".to_owned()]).unwrap_err();
        assert_eq!(refusal.nokler["enhet"], "enheter/nav");
        let apart = [strict(&["rop", "nav"]), strict(&["bom"])];
        let refusal = ingen_uten_ansvarlig(&apart, &[]).unwrap_err();
        assert_eq!(refusal.nokler["enhet"], "enheter/rop");
    }

    #[test]
    fn facts_begin_when_confirmed_and_end_when_lifted() {
        assert_eq!(strict().fakta("p", None, Tid(9)), []);
        let held = bekreft(strict(), decider()).unwrap();
        let begun = held.fakta("p", None, Tid(9));
        let kinds: Vec<Faktumtype> = begun.iter().map(Faktum::r#type).collect();
        assert_eq!(
            kinds,
            [
                Faktumtype::AdresseStrengtFortrolig,
                Faktumtype::MandatStrengt,
                Faktumtype::MandatStrengt
            ]
        );
        assert!(
            begun
                .iter()
                .all(|f| f.periode.as_ref().unwrap().til.is_none())
        );

        let lifting = foresla_oppheving(held, leader(), "faren er over".into()).unwrap();
        assert_eq!(
            lifting.fakta("p", None, Tid(9)),
            begun,
            "it holds until confirmed"
        );
        let lifted = bekreft_oppheving(lifting, decider()).unwrap();
        let ended = lifted.fakta("p", None, Tid(9));
        for (begun, ended) in begun.iter().zip(&ended) {
            assert_eq!(begun.id, ended.id);
            assert_eq!(ended.periode.as_ref().unwrap().til, Some(Tid(7).into()));
        }
    }

    /// Restrictions are stated whatever others name; a mandate ends where they
    /// do not name the party.
    #[test]
    fn a_mandate_that_others_do_not_share_ends() {
        let held = bekreft(strict(), decider()).unwrap();
        let facts = held.fakta("q", Some(&mandate(&["nav"])), Tid(9));
        let ends: Vec<_> = facts
            .iter()
            .map(|fact| fact.periode.as_ref().unwrap().til)
            .collect();
        assert_eq!(ends, [None, Some(Tid(9).into()), None]);
        assert_eq!(facts[0].subjekt, "q");
        assert_ne!(facts[0].id, held.fakta("p", None, Tid(9))[0].id);
    }

    fn request(kind: Verntype) -> ForeslaVernRequest {
        ForeslaVernRequest {
            r#type: kind.into(),
            hjemmel: Some(samspor_proto::felles::Hjemmel {
                lov: "folkeregisterloven".into(),
                paragraf: "§ 10-4".into(),
            }),
            begrunnelse: "trusler mot livet".into(),
            ..Default::default()
        }
    }

    #[test]
    fn every_kind_names_what_it_needs_and_nothing_else() {
        use Verntype::{
            FortroligAdresse, Inhabilitet, Sperring, StrengtFortroligAdresse, Unspecified,
        };
        type Change = fn(&mut ForeslaVernRequest);
        let mandated: Change = |r| r.mandaterte_enheter = vec!["enheter/rop".into()];
        let table: [(Verntype, Change, &[&str]); 18] = [
            (
                Sperring,
                |r| r.gjelder_enheter = vec!["enheter/nav".into()],
                &[],
            ),
            (Sperring, |r| r.gjelder_ansatte = vec!["a9".into()], &[]),
            (Sperring, |r| r.gjelder_alle_enheter = true, &[]),
            (Sperring, |_| (), &["gjelder_enheter"]),
            (
                Sperring,
                |r| {
                    r.gjelder_alle_enheter = true;
                    r.gjelder_enheter = vec!["enheter/nav".into()];
                },
                &["gjelder_enheter"],
            ),
            (
                Sperring,
                |r| {
                    r.gjelder_alle_enheter = true;
                    r.mandaterte_enheter = vec!["enheter/rop".into()];
                },
                &["mandaterte_enheter"],
            ),
            (Inhabilitet, |r| r.gjelder_ansatte = vec!["a9".into()], &[]),
            (Inhabilitet, |_| (), &["gjelder_ansatte"]),
            (
                Inhabilitet,
                |r| {
                    r.gjelder_ansatte = vec!["a9".into()];
                    r.gjelder_enheter = vec!["enheter/nav".into()];
                },
                &["gjelder_enheter"],
            ),
            (FortroligAdresse, mandated, &[]),
            (StrengtFortroligAdresse, mandated, &[]),
            (StrengtFortroligAdresse, |_| (), &["mandaterte_enheter"]),
            (
                StrengtFortroligAdresse,
                |r| r.mandaterte_enheter = vec!["enheter/nav".into()],
                &["mandaterte_enheter"],
            ),
            (
                StrengtFortroligAdresse,
                |r| {
                    r.mandaterte_enheter = vec!["enheter/rop".into(), "nav".into()];
                },
                &["mandaterte_enheter[1]"],
            ),
            (
                StrengtFortroligAdresse,
                |r| {
                    r.mandaterte_enheter = vec!["enheter/rop".into()];
                    r.gjelder_alle_enheter = true;
                },
                &["gjelder_alle_enheter"],
            ),
            (Unspecified, |_| (), &["type"]),
            (
                FortroligAdresse,
                |r| {
                    r.mandaterte_enheter = vec!["enheter/rop".into()];
                    r.hjemmel = None;
                    r.begrunnelse = "kort".into();
                },
                &["hjemmel", "begrunnelse"],
            ),
            (
                Inhabilitet,
                |r| r.gjelder_ansatte = vec!["a 9".into()],
                &["gjelder_ansatte[0]"],
            ),
        ];
        for (row, (kind, change, expected)) in table.into_iter().enumerate() {
            let mut request = request(kind);
            change(&mut request);
            let mut faults = FieldFaults::new();
            let read = les(&request, "rop", &mut faults);
            let found: Vec<String> = match faults.finish() {
                Ok(()) => {
                    assert!(read.is_some(), "row {row}");
                    Vec::new()
                }
                Err(refusal) => refusal.felt.into_iter().map(|f| f.felt).collect(),
            };
            assert_eq!(found, expected, "row {row}: {kind:?}");
        }
    }
}
