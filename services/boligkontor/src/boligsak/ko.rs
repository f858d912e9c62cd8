//! The queue of a type, in order, with the reasons in words. Pure: the edition
//! of the rules, who stood on the list on a day, and nothing else.
//!
//! What a place may depend on is what [`Ventende`] holds: since when somebody
//! waits, and which adopted groups the person belongs to. Contacts, noise,
//! diagnoses, how somebody wrote the application: there is no field for them.

use std::{cmp::Ordering, collections::BTreeSet};

use samspor_chassis::{domene::Dag, lager::Post, tid::Tid};
use samspor_proto::boligkontor::Tildelingstype;

use super::Boligsak;
use crate::regler::{Prioritet, Regelsett};

/// All that a place in the queue may depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ventende {
    /// Id of the boligsak; decides between equals.
    pub id: String,
    /// Since when the person waits.
    pub siden: Tid,
    /// Keys of the groups that the person belongs to.
    pub grunner: BTreeSet<String>,
}

impl Ventende {
    /// The one place where it is said what of an application is an input.
    pub(crate) fn av(post: &Post<Boligsak>) -> Self {
        let assessed = post.innhold.vurdering.iter();
        let groups = assessed.flat_map(|by| by.grunner.iter().chain(&by.skjermede));
        Self {
            id: post.id.clone(),
            siden: post.innhold.mottatt,
            grunner: groups.cloned().collect(),
        }
    }
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plass {
    /// Id of the boligsak.
    pub id: String,
    /// From 1.
    pub plass: usize,
    /// Why this place.
    pub grunner: Vec<String>,
    /// Why before the next one; empty for the last.
    pub foran_neste: String,
}

/// The best group that somebody belongs to: its number from 1, and itself.
type Gruppe<'r> = Option<(usize, &'r Prioritet)>;

/// A group in words. Of what is shielded only the number is said.
fn ord(gruppe: Gruppe<'_>, versjon: &str) -> String {
    match gruppe {
        None => format!("ingen prioritert gruppe i {versjon}"),
        Some((number, group)) if group.skjermet => format!("prioritet {number} i {versjon}"),
        Some((number, group)) => format!("{} (prioritet {number} i {versjon})", group.tekst),
    }
}

/// The queue in order: the best group first, then the longest wait, then the
/// id, so that the order is always the same.
#[must_use]
pub fn ranger(
    sett: &Regelsett,
    type_: Tildelingstype,
    ventende: &[Ventende],
    dag: Dag,
) -> Vec<Plass> {
    let groups: Vec<(usize, &Prioritet)> = (1..).zip(sett.prioritet(type_)).collect();
    let mut order: Vec<(Gruppe<'_>, &Ventende)> = ventende
        .iter()
        .map(|one| {
            let best = groups.iter().find(|(_, g)| one.grunner.contains(&g.nokkel));
            (best.copied(), one)
        })
        .collect();
    let number = |group: Gruppe<'_>| group.map_or(usize::MAX, |(number, _)| number);
    order.sort_by(|(a, one), (b, other)| {
        number(*a)
            .cmp(&number(*b))
            .then(one.siden.cmp(&other.siden))
            .then_with(|| one.id.cmp(&other.id))
    });
    let versjon = &sett.versjon;
    let after = order.iter().skip(1).map(Some).chain([None]);
    (1..)
        .zip(order.iter().zip(after))
        .map(|(plass, ((group, one), next))| {
            let since = Dag::av(one.siden);
            let waited = since.dager_til(dag).max(0);
            let foran_neste = next.map_or_else(String::new, |(theirs, next)| {
                match number(*group).cmp(&number(*theirs)) {
                    Ordering::Equal if one.siden == next.siden => {
                        "samme prioritet og samme ventetid; saksnummeret avgjør".to_owned()
                    }
                    Ordering::Equal => format!(
                        "samme prioritet, og har ventet lenger: siden {since}, den neste siden {}",
                        Dag::av(next.siden)
                    ),
                    _ => format!(
                        "{}; den neste: {}",
                        ord(*group, versjon),
                        ord(*theirs, versjon)
                    ),
                }
            });
            Plass {
                id: one.id.clone(),
                plass,
                grunner: vec![
                    ord(*group, versjon),
                    format!("har ventet siden {since} ({waited} dager)"),
                ],
                foran_neste,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;
    use samspor_chassis::domene::Aktor;
    use samspor_proto::boligkontor::{Bemanning, Boligsituasjon, Kommendearsak};

    use super::*;
    use crate::{
        Regler,
        boligsak::{Behov, Boligsak, Soknad, Tilstand, Vurdering},
    };

    const UTLEIE: Tildelingstype = Tildelingstype::KommunalUtleie;

    fn alesund() -> Regler {
        Regler::innebygd("alesund").unwrap()
    }

    fn day() -> Dag {
        "2026-10-01".parse().unwrap()
    }

    fn waits(id: &str, days: i32, groups: &[&str]) -> Ventende {
        Ventende {
            id: id.into(),
            siden: day().pluss_dager(-days).start(),
            grunner: groups.iter().map(|one| (*one).to_owned()).collect(),
        }
    }

    /// Ålesund's three groups in their order, then the wait, then the id; and
    /// prison is never named in a reason.
    ///
    /// Seen red: with an order that does not ask how long somebody waited.
    #[test]
    fn each_place_says_why_it_is_before_the_next() {
        let rules = alesund();
        let list = [
            waits("d", 400, &[]),
            waits("c", 10, &["etter_soning"]),
            waits("b", 20, &["barn"]),
            waits("a", 5, &["bostedslos", "barn"]),
            waits("f", 500, &["ukjent"]),
            waits("e", 400, &[]),
        ];
        let order = ranger(rules.pa(day()).unwrap(), UTLEIE, &list, day());
        let ids: Vec<&str> = order.iter().map(|place| place.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c", "f", "d", "e"]);
        let why: Vec<&str> = order.iter().map(|one| one.foran_neste.as_str()).collect();
        assert_eq!(
            why,
            [
                "bostedsløs (prioritet 1 i alesund-1); den neste: barn i husstanden (prioritet 2 \
                 i alesund-1)",
                "barn i husstanden (prioritet 2 i alesund-1); den neste: prioritet 3 i alesund-1",
                "prioritet 3 i alesund-1; den neste: ingen prioritert gruppe i alesund-1",
                "samme prioritet, og har ventet lenger: siden 2025-05-19, den neste siden \
                 2025-08-27",
                "samme prioritet og samme ventetid; saksnummeret avgjør",
                "",
            ]
        );
        let said = format!("{order:?}");
        assert!(!said.contains("soning"), "{said}");
    }

    fn case(days: i32, group: Option<usize>) -> Boligsak {
        let av = Aktor {
            enhet: "rop".into(),
            ansatt: "a".into(),
            rolle: samspor_proto::felles::Rolle::Saksbehandler,
        };
        let now = day().pluss_dager(-days).start();
        let groups = ["bostedslos", "barn"];
        Boligsak {
            tilstand: Tilstand::Godkjent,
            tildelingstype: UTLEIE,
            mottatt: now,
            registrert_av: av.clone(),
            fra_personen: false,
            soknad: Soknad {
                eget_onske: String::new(),
                voksne: 1,
                barn: 0,
                behov: Behov::default(),
                boligsituasjon: Boligsituasjon::Annet,
                kommende_dag: None,
                kommende_arsak: Kommendearsak::Unspecified,
                rett: String::new(),
            },
            forelopig_svar_frist: now,
            forelopig_svar: None,
            bekreftet: None,
            vurdering: Some(Vurdering {
                tid: now,
                av,
                regelversjon: String::new(),
                vilkar: Vec::new(),
                grunner: group
                    .map(|one| groups[one].to_owned())
                    .into_iter()
                    .collect(),
                skjermede: Vec::new(),
            }),
            avgjorelse: None,
            trukket: None,
            tildelt: None,
        }
    }

    fn order(cases: &[Boligsak]) -> Vec<String> {
        let rules = alesund();
        let waiting: Vec<Ventende> = (0..)
            .zip(cases)
            .map(|(number, sak)| {
                let post = Post::ny("rop", "p".into(), format!("{number:03}"), sak.clone());
                Ventende::av(&post)
            })
            .collect();
        let ranked = ranger(rules.pa(day()).unwrap(), UTLEIE, &waiting, day());
        ranked.into_iter().map(|place| place.id).collect()
    }

    proptest! {
        /// Whatever else is told of somebody (a diagnosis in the wish, more
        /// contacts, complaints about noise, help that is needed) changes no
        /// place.
        ///
        /// Seen red: with `Ventende::av` that adds a group for children.
        #[test]
        fn what_is_no_input_changes_no_place(
            cases in prop::collection::vec((0..400_i32, prop::option::of(0..2_usize)), 1..20),
            told in prop::collection::vec((".{0,40}", 0..10_i32, 1..8_i32, 0..5_i32, any::<bool>()), 20),
        ) {
            let plain: Vec<Boligsak> = cases.iter().map(|(days, group)| case(*days, *group)).collect();
            let noisy: Vec<Boligsak> = plain.iter().zip(told).map(|(sak, (text, number, situation, staff, flag))| {
                let mut sak = sak.clone();
                sak.fra_personen = flag;
                sak.forelopig_svar = flag.then(|| (sak.mottatt, text.clone()));
                sak.bekreftet = flag.then_some(sak.mottatt);
                sak.soknad.eget_onske.clone_from(&text);
                sak.soknad.voksne = number + 1;
                sak.soknad.barn = number;
                sak.soknad.boligsituasjon = Boligsituasjon::try_from(situation).unwrap_or_default();
                sak.soknad.kommende_dag = flag.then(day);
                sak.soknad.kommende_arsak = Kommendearsak::Loslatelse;
                sak.soknad.rett.clone_from(&text);
                sak.soknad.behov = Behov {
                    omrader: vec![text.clone()],
                    bemanning: Bemanning::try_from(staff).unwrap_or_default(),
                    rullestol: flag,
                    trappefri: flag,
                    rusfritt_miljo: flag,
                    soverom: number,
                    meter_tjenester: number,
                    kvinne: flag,
                    bare_kvinner: flag,
                    funksjon: text.clone(),
                };
                if let Some(assessed) = &mut sak.vurdering {
                    assessed.regelversjon = text;
                    assessed.tid = day().start();
                }
                sak
            }).collect();
            prop_assert_eq!(order(&plain), order(&noisy));
        }

        /// In whatever order the cases are read, the queue is the same, and
        /// nobody is lost.
        ///
        /// Seen red: with an order that does not end with the id.
        #[test]
        fn the_order_is_that_of_the_cases_alone(
            days in prop::collection::vec((0..5_i32, 0..4_usize), 0..30), turn in 0..30_usize,
        ) {
            let groups = [&["bostedslos"][..], &["barn"], &["etter_soning"], &[]];
            let list: Vec<Ventende> = (0..).zip(&days)
                .map(|(id, (days, group))| waits(&format!("{id:02}"), *days, groups[*group]))
                .collect();
            let mut turned = list.clone();
            turned.rotate_left(if list.is_empty() { 0 } else { turn % list.len() });
            turned.reverse();
            let rules = alesund();
            let sett = rules.pa(day()).unwrap();
            let one = ranger(sett, UTLEIE, &list, day());
            prop_assert_eq!(one.len(), list.len());
            prop_assert_eq!(one, ranger(sett, UTLEIE, &turned, day()));
        }
    }
}
