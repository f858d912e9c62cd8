//! Who may merge, which ids, and who is whom when a merge is undone.

use std::collections::BTreeMap;

use samspor_chassis::{
    call::Call,
    error::{FieldFaults, Refusal},
};
use samspor_proto::felles::Feilgrunn;

use super::Sammenslaing;
use crate::{
    person::{Person, rules::er_i_kraft},
    tosteg::{Steg, Verb},
};

const VERB: Verb = Verb {
    foresla: "ForeslaSammenslaing",
    bekreft: "BekreftSammenslaing",
    avvis: "AvvisForslagOmSammenslaing",
    foresla_oppheving: "ForeslaOpphevingAvSammenslaing",
    bekreft_oppheving: "BekreftOpphevingAvSammenslaing",
};

/// Who may: the koordinerende enhet alone, whichever unit of the municipality
/// that is, because a merge reaches every unit's records of both.
///
/// # Errors
/// `IKKE_TILLATT` (W3) for any other unit.
pub(crate) fn kan(call: &Call) -> Result<(), Refusal> {
    if call.har_funksjon("koordinerende_enhet") {
        return Ok(());
    }
    Err(w3("Personer slås sammen av koordinerende enhet."))
}

/// Whether two ids can be merged: both in force, and not the same.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` or `UGYLDIG_OVERGANG`.
pub(crate) fn kan_slas_sammen(gjenstar: &Person, duplikat: &Person) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    if gjenstar.id == duplikat.id {
        faults.contradicts("duplikat", "parent", "to ulike personer");
    }
    faults.finish()?;
    er_i_kraft(gjenstar)?;
    er_i_kraft(duplikat)
}

/// Confirms that the two are one.
///
/// # Errors
/// `UGYLDIG_OVERGANG` from another state, as of every step below;
/// `IKKE_TILLATT` (W3) by the proposer.
pub(crate) fn bekreft(merge: Sammenslaing, steg: Steg) -> Result<Sammenslaing, Refusal> {
    let second = second_person(&merge.foreslatt, &steg);
    let krysser_fra = Some(steg.tid);
    let tilstand = merge.tilstand.clone().bekreft(steg, &VERB)?;
    second?;
    Ok(Sammenslaing {
        tilstand,
        krysser_fra,
        ..merge
    })
}

/// Rejects a proposal to merge or to undo; the proposer may take it back.
pub(crate) fn avvis(merge: Sammenslaing, steg: Steg) -> Result<Sammenslaing, Refusal> {
    let now = steg.tid;
    let tilstand = merge.tilstand.clone().avvis(steg, &VERB)?;
    Ok(Sammenslaing {
        krysser_fra: tilstand.virker().then_some(now),
        tilstand,
        ..merge
    })
}

/// Says that it was wrong.
pub(crate) fn foresla_oppheving(
    merge: Sammenslaing,
    steg: Steg,
    why: String,
) -> Result<Sammenslaing, Refusal> {
    let state = merge.tilstand.clone();
    let tilstand = state.foresla_oppheving(steg, why, &VERB)?;
    Ok(Sammenslaing { tilstand, ..merge })
}

/// Confirms that it is undone.
///
/// # Errors
/// `IKKE_TILLATT` (W3) by who said that it was wrong.
pub(crate) fn bekreft_oppheving(merge: Sammenslaing, steg: Steg) -> Result<Sammenslaing, Refusal> {
    let first = merge.tilstand.forslag().map(|wrong| wrong.av.clone());
    let second = second_person(first.as_ref().unwrap_or(&merge.foreslatt), &steg);
    let tilstand = merge.tilstand.clone().bekreft_oppheving(steg, &VERB)?;
    second?;
    Ok(Sammenslaing { tilstand, ..merge })
}

fn second_person(first: &Steg, second: &Steg) -> Result<(), Refusal> {
    if second.av_en_annen(first) {
        Ok(())
    } else {
        Err(w3(
            "Forslaget må bekreftes av en annen ansatt enn den som fremmet det.",
        ))
    }
}

fn w3(advice: &str) -> Refusal {
    Refusal::new(Feilgrunn::IkkeTillatt)
        .with("regel", "W3")
        .with("rad", advice)
}

/// The id that remains of each of these ids, by the merges that hold.
pub(crate) fn rotter<'i>(
    ider: &'i [String],
    merges: &'i [Sammenslaing],
) -> BTreeMap<&'i str, &'i str> {
    let into: BTreeMap<&str, &str> = merges
        .iter()
        .filter(|merge| merge.er_ett())
        .map(|merge| (&*merge.duplikat, &*merge.gjenstar))
        .collect();
    ider.iter()
        .map(|id| {
            let mut root = id.as_str();
            // INVARIANT: only an id in force is merged, so there is no ring;
            // the bound is for a database that says otherwise.
            for _ in 0..=into.len() {
                match into.get(root) {
                    Some(next) => root = next,
                    None => break,
                }
            }
            (id.as_str(), root)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_chassis::tid::Tid;
    use samspor_proto::felles::Rolle;

    use super::*;
    use crate::{Aktor, tosteg::Tilstand};

    fn person(id: &str, into: Option<&str>) -> Person {
        Person {
            id: id.into(),
            versjon: 1,
            visningsnavn: None,
            sammenslatt_med: into.map(Into::into),
        }
    }

    #[test]
    fn only_two_ids_in_force_are_merged() {
        let table = [
            (person("a", None), person("b", None), None),
            (
                person("a", None),
                person("a", None),
                Some(Feilgrunn::UgyldigForesporsel),
            ),
            (
                person("a", None),
                person("b", Some("c")),
                Some(Feilgrunn::UgyldigOvergang),
            ),
            (
                person("a", Some("c")),
                person("b", None),
                Some(Feilgrunn::UgyldigOvergang),
            ),
        ];
        for (remains, merged, expected) in table {
            let found = kan_slas_sammen(&remains, &merged).err();
            assert_eq!(found.map(|refusal| refusal.grunn), expected);
        }
    }

    fn step(ansatt: &str, tid: i64) -> Steg {
        Steg {
            hvem: Aktor {
                enhet: "koordinering".into(),
                ansatt: ansatt.into(),
                rolle: Rolle::Saksbehandler,
            },
            tid: Tid(tid),
        }
    }

    fn proposed(duplikat: &str, gjenstar: &str) -> Sammenslaing {
        Sammenslaing {
            id: "s".into(),
            versjon: 1,
            gjenstar: gjenstar.into(),
            duplikat: duplikat.into(),
            begrunnelse: "D-nummer ble til fødselsnummer".into(),
            foreslatt: step("k1", 1),
            tilstand: Tilstand::Foreslatt,
            krysser_fra: None,
        }
    }

    /// Seen red: without the comparison of employees in `av_en_annen`.
    #[test]
    fn it_takes_two_to_merge_and_two_to_undo() {
        for (who, allowed) in [("k1", false), ("", false), ("k2", true)] {
            assert_eq!(bekreft(proposed("b", "a"), step(who, 2)).is_ok(), allowed);
        }
        let held = bekreft(proposed("b", "a"), step("k2", 2)).unwrap();
        let wrong = foresla_oppheving(held, step("k3", 3), "to søstre".into()).unwrap();
        for (who, allowed) in [("k3", false), ("", false), ("k1", true)] {
            let undone = bekreft_oppheving(wrong.clone(), step(who, 4));
            assert_eq!(undone.is_ok(), allowed);
        }
        let early = bekreft_oppheving(proposed("b", "a"), step("k2", 2)).unwrap_err();
        assert_eq!(early.nokler["tilstand"], "FORESLATT");
        assert_eq!(
            early.nokler["tillatt"],
            "BekreftSammenslaing, AvvisForslagOmSammenslaing"
        );
    }

    /// Relations cross from the confirmation to the first word that it was
    /// wrong, and again when that is rejected.
    ///
    /// Seen red: with the fact ended when the merge is undone; with the first
    /// fact stated anew when the doubt is rejected.
    #[test]
    fn what_opens_crosses_only_while_nobody_doubts_it() {
        let period = |merge: &Sammenslaing| {
            let period = merge.faktum()?.periode.unwrap();
            let at =
                |stamp: Option<prost_types::Timestamp>| stamp.map(|t| Tid::try_from(t).unwrap());
            Some((at(period.fra), at(period.til)))
        };
        let proposal = proposed("b", "a");
        assert_eq!(period(&proposal), None);
        let held = bekreft(proposal, step("k2", 2)).unwrap();
        assert_eq!(period(&held), Some((Some(Tid(2)), None)));
        let wrong = foresla_oppheving(held.clone(), step("k3", 3), "to søstre".into()).unwrap();
        let ended = Some((Some(Tid(2)), Some(Tid(3))));
        assert_eq!(period(&wrong), ended);
        let upheld = avvis(wrong.clone(), step("k1", 4)).unwrap();
        assert_eq!(period(&upheld), Some((Some(Tid(4)), None)));
        let id = |merge: &Sammenslaing| merge.faktum().unwrap().id;
        assert_eq!(id(&wrong), id(&held));
        assert_ne!(id(&upheld), id(&held), "what held before is not said anew");
        let undone = bekreft_oppheving(wrong, step("k1", 4)).unwrap();
        assert_eq!(period(&undone), ended);
    }

    #[test]
    fn an_undone_merge_leaves_the_chains_of_the_others() {
        let ids: Vec<String> = ["a", "b", "c"].map(Into::into).into();
        let held = |from, into| bekreft(proposed(from, into), step("k2", 2)).unwrap();
        let chain = [held("a", "b"), held("b", "c")];
        let roots = rotter(&ids, &chain);
        assert_eq!(roots, [("a", "c"), ("b", "c"), ("c", "c")].into());
        let roots = rotter(&ids, &chain[..1]);
        assert_eq!(roots, [("a", "b"), ("b", "b"), ("c", "c")].into());
    }
}
