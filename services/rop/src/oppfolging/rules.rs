//! How an oppfølging begins, is confirmed and ends.

use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::felles::{Feilgrunn, Rolle};

use super::{FRIST_AVSLUTT, FRIST_BEKREFT, Oppfolging, Slutt};
use crate::{ENHET, lager::Post};

/// Working days within which something happens, and is told of beforehand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frister {
    pub(crate) bekreft: u16,
    pub(crate) avslutt: u16,
}

/// Whether somebody's word confirms what another registered: another unit, the
/// person, or an employee who is not the one.
pub(crate) fn bekrefter(av: &Aktor, registrert_av: Option<&Aktor>) -> bool {
    let outside = av.enhet != ENHET || av.rolle == Rolle::Innbygger;
    let second = |first: &Aktor| !av.ansatt.is_empty() && !av.er_samme_ansatte(first);
    outside || registrert_av.is_some_and(second)
}

/// The unit follows the person from now on.
pub(crate) fn apne(
    person: String,
    id: String,
    begrunnelse: String,
    hjemmel: Option<Hjemmel>,
    (now, av): (Tid, Aktor),
    frister: Frister,
) -> (Post<Oppfolging>, Virkninger) {
    let innhold = Oppfolging {
        begrunnelse,
        hjemmel,
        bekreftet: bekrefter(&av, None).then(|| (now, av.clone())),
        apnet: (now, av),
        slutt: None,
    };
    let post = Post::ny(ENHET, person, id, innhold);
    let mut out = Virkninger::new();
    let owner = [post.enhet.clone()];
    out.hendelse("OppfolgingApnet", &post.emne(), owner.clone());
    out.fakta.extend(super::fakta(&post));
    if !post.innhold.er_bekreftet() {
        let due = Dag::av(now).pluss_arbeidsdager(frister.bekreft).slutt();
        let warn = Some(Dag::av(now).pluss_arbeidsdager(1).start());
        out.frist(FRIST_BEKREFT, &post.emne(), due, warn, owner);
    }
    frist_avslutt(&post, now, frister, &mut out);
    (post, out)
}

/// Nothing is delivered: something is, or it ends.
pub(crate) fn frist_avslutt(
    post: &Post<Oppfolging>,
    now: Tid,
    frister: Frister,
    out: &mut Virkninger,
) -> Tid {
    let due = Dag::av(now).pluss_arbeidsdager(frister.avslutt).slutt();
    let half = Dag::av(now).pluss_arbeidsdager(frister.avslutt / 2).start();
    let owner = [post.enhet.clone()];
    out.frist(FRIST_AVSLUTT, &post.emne(), due, Some(half), owner);
    due
}

/// Somebody else says the same.
///
/// # Errors
/// `UGYLDIG_OVERGANG` where it has ended or is confirmed; `IKKE_TILLATT` for the
/// one who opened it.
pub(crate) fn bekreft(
    mut post: Post<Oppfolging>,
    av: Aktor,
    now: Tid,
) -> Result<(Post<Oppfolging>, Virkninger), Refusal> {
    krev_apen(&post.innhold)?;
    if post.innhold.er_bekreftet() {
        return Err(Refusal::transition("BEKREFTET", &[]));
    }
    if !bekrefter(&av, Some(&post.innhold.apnet.1)) {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with(
                "rad",
                "En annen ansatt enn den som åpnet oppfølgingen, bekrefter den.",
            ));
    }
    post.innhold.bekreftet = Some((now, av));
    let mut out = Virkninger::new();
    let owner = [post.enhet.clone()];
    out.hendelse("OppfolgingBekreftet", &post.emne(), owner);
    out.fakta.extend(super::fakta(&post));
    out.slett_frist(FRIST_BEKREFT, &post.name());
    Ok((post, out))
}

/// What must be settled before it can end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ugjort {
    pub(crate) oppdrag: bool,
    pub(crate) tiltak: bool,
    pub(crate) tilbakemelding: bool,
}

/// It ends. It shuts the restricted journal, so those end it who end treatment.
///
/// # Errors
/// `UGYLDIG_OVERGANG` where it has ended; `IKKE_TILLATT` for others than a
/// leader and a clinician; a fault for each thing that is not settled.
pub(crate) fn avslutt(
    mut post: Post<Oppfolging>,
    slutt: Slutt,
    ugjort: Ugjort,
) -> Result<(Post<Oppfolging>, Virkninger), Refusal> {
    krev_apen(&post.innhold)?;
    if !matches!(slutt.av.rolle, Rolle::Leder | Rolle::Behandler) {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with(
                "rad",
                "Oppfølgingen avsluttes av en leder eller en behandler i enheten.",
            ));
    }
    let mut faults = FieldFaults::new();
    for (open, field, fix) in [
        (
            ugjort.oppdrag,
            "oppdrag",
            "et oppdrag er åpent; svar på det, eller avslutt det hos bestillerkontoret",
        ),
        (ugjort.tiltak, "tiltak", "et tiltak er åpent; avslutt det"),
        (
            ugjort.tilbakemelding,
            "tilbakemelding",
            "en tilbakemelding venter på svar; besvar den",
        ),
    ] {
        if open {
            faults.contradicts("name", field, fix);
        }
    }
    faults.finish()?;
    post.innhold.slutt = Some(slutt);
    let mut out = Virkninger::new();
    let owner = [post.enhet.clone()];
    out.hendelse("OppfolgingAvsluttet", &post.emne(), owner);
    out.fakta.extend(super::fakta(&post));
    out.slett_frist(FRIST_BEKREFT, &post.name());
    out.slett_frist(FRIST_AVSLUTT, &post.name());
    Ok((post, out))
}

fn krev_apen(innhold: &Oppfolging) -> Result<(), Refusal> {
    match innhold.slutt {
        None => Ok(()),
        Some(_) => Err(Refusal::transition("AVSLUTTET", &[])),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::{Faktum, Faktumtype};

    use super::*;

    const NOW: Tid = Tid(1_800_000_000_000_000);
    const LATER: Tid = Tid(1_800_000_100_000_000);
    const FRISTER: Frister = Frister {
        bekreft: 3,
        avslutt: 10,
    };

    fn who(enhet: &str, ansatt: &str, rolle: Rolle) -> Aktor {
        Aktor {
            enhet: enhet.into(),
            ansatt: ansatt.into(),
            rolle,
        }
    }

    fn opened(av: Aktor) -> (Post<Oppfolging>, Virkninger) {
        let (person, id) = ("p".to_owned(), "f".to_owned());
        apne(person, id, "Kom innom".into(), None, (NOW, av), FRISTER)
    }

    fn held(facts: &[Faktum]) -> Vec<(Faktumtype, bool)> {
        let row = |fact: &Faktum| (fact.r#type(), fact.periode.unwrap().til.is_none());
        facts.iter().map(row).collect()
    }

    /// Who opens, and whether that alone is confirmed.
    ///
    /// Seen red: with whoever opens as confirmed.
    #[test]
    fn ones_own_intake_is_not_confirmed() {
        for (av, kind, clocks) in [
            (who("rop", "r1", Rolle::Inntak), Faktumtype::Soker, 2),
            (who("nav", "n1", Rolle::Inntak), Faktumtype::Oppfolger, 1),
            (
                who("bestillerkontor", "", Rolle::System),
                Faktumtype::Oppfolger,
                1,
            ),
            (who("", "", Rolle::Innbygger), Faktumtype::Oppfolger, 1),
        ] {
            let (post, out) = opened(av.clone());
            assert_eq!(held(&out.fakta), [(kind, true)], "{av:?}");
            assert_eq!(out.fakta[0].post, post.name(), "limited to the record");
            assert_eq!(out.frister.len(), clocks, "{av:?}");
        }
    }

    /// Seen red: without the comparison of employees.
    #[test]
    fn a_second_employee_confirms() {
        for (av, grunn) in [
            (who("rop", "r1", Rolle::Miljo), Some(Feilgrunn::IkkeTillatt)),
            (who("rop", "", Rolle::System), Some(Feilgrunn::IkkeTillatt)),
            (who("rop", "r2", Rolle::Miljo), None),
            (who("nav", "n1", Rolle::Inntak), None),
        ] {
            let (post, _) = opened(who("rop", "r1", Rolle::Inntak));
            let found = bekreft(post, av.clone(), LATER);
            assert_eq!(found.as_ref().err().map(|no| no.grunn), grunn, "{av:?}");
            if let Ok((post, out)) = found {
                let expected = [(Faktumtype::Soker, false), (Faktumtype::Oppfolger, true)];
                assert_eq!(held(&out.fakta), expected);
                assert_eq!(out.fakta[1].opprettet_av, av.ansatt);
                let again = bekreft(post, av, LATER).unwrap_err();
                assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
            }
        }
    }

    /// Seen red: with any role.
    #[test]
    fn it_ends_when_all_is_settled_and_its_facts_with_it() {
        let end = |rolle| Slutt {
            tid: LATER,
            av: who("rop", "l1", rolle),
            begrunnelse: "Ferdig".into(),
            alternativ: "Fastlegen".into(),
        };
        let (post, _) = opened(who("rop", "r1", Rolle::Inntak));
        let nothing = Ugjort::default();
        for rolle in [Rolle::Miljo, Rolle::Saksbehandler, Rolle::System] {
            let refused = avslutt(post.clone(), end(rolle), nothing).unwrap_err();
            assert_eq!(refused.grunn, Feilgrunn::IkkeTillatt, "{rolle:?}");
        }
        for (ugjort, count) in [
            (
                Ugjort {
                    oppdrag: true,
                    ..nothing
                },
                1,
            ),
            (
                Ugjort {
                    tiltak: true,
                    tilbakemelding: true,
                    ..nothing
                },
                2,
            ),
        ] {
            let refused = avslutt(post.clone(), end(Rolle::Leder), ugjort).unwrap_err();
            assert_eq!(refused.felt.len(), count, "{ugjort:?}");
        }
        let (confirmed, _) =
            bekreft(post, who("rop", "r2", Rolle::Miljo), NOW.plus(MINUTT)).unwrap();
        let (ended, out) = avslutt(confirmed, end(Rolle::Behandler), nothing).unwrap();
        assert!(held(&out.fakta).iter().all(|(_, open)| !open));
        let again = avslutt(ended, end(Rolle::Leder), nothing).unwrap_err();
        assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
    }

    const MINUTT: std::time::Duration = std::time::Duration::from_mins(1);
}
