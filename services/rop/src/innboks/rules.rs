//! What makes a task, and what becomes of it.

use samspor_chassis::{
    domene::{Aktor, Overganger, Virkninger},
    error::Refusal,
    tid::Tid,
};
use samspor_proto::felles::Feilgrunn;

use super::{FRIST_OPPGAVE, Innhold, Oppgave, Tilstand, Type};
use crate::{
    behandlingsplan, kontakt, kontaktplan, kriseplan, oppfolging, planlegging, risikovurdering,
    tilbakemelding,
};

/// Which verb is allowed in which state.
pub(crate) const OVERGANGER: Overganger<Tilstand> =
    Overganger(&[("KvitterOppgave", &[Tilstand::Apen])]);

/// What an event of bestillerkontor means to the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Betydning {
    /// Something to take.
    Ny,
    /// The unit has answered.
    Besvart,
    /// What is ordered has ended, or was taken back.
    Bortfaller,
    /// What is ordered has other hours or days.
    Endret,
    /// Nothing.
    Ingen,
}

/// What an event means, by its type.
pub(crate) fn betydning(type_: &str) -> Betydning {
    match type_ {
        "OppdragTilbudt" => Betydning::Ny,
        "OppdragAkseptert" | "OppdragInntatt" => Betydning::Besvart,
        "OppdragEndret" => Betydning::Endret,
        "OppdragAvvist" | "OppdragAvsluttet" => Betydning::Bortfaller,
        _ => Betydning::Ingen,
    }
}

/// A task that waits.
pub(crate) fn ny(
    type_: Type,
    person: String,
    id: String,
    enhet: &str,
    post: String,
    siden: Tid,
    frist: Tid,
) -> Oppgave {
    Oppgave {
        person,
        id,
        versjon: 1,
        ansvarlig_enhet: enhet.to_owned(),
        tilstand: Tilstand::Apen,
        type_,
        post,
        innhold: Innhold {
            siden,
            kvittert: None,
            frist,
            utfort: None,
        },
    }
}

/// Somebody in the unit takes it.
///
/// # Errors
/// `IKKE_TILLATT` for another unit, `UGYLDIG_OVERGANG`.
pub(crate) fn kvitter(
    mut oppgave: Oppgave,
    av: Aktor,
    now: Tid,
) -> Result<(Oppgave, Virkninger), Refusal> {
    if av.enhet != oppgave.ansvarlig_enhet {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W5")
            .with("rad", "Bare enheten med innboksen kan dette."));
    }
    OVERGANGER.krev("KvitterOppgave", oppgave.tilstand, oppgave.tilstand.kode())?;
    oppgave.tilstand = Tilstand::Kvittert;
    oppgave.innhold.kvittert = Some((now, av));
    if oppgave.type_.gjort_nar_tatt() {
        oppgave.innhold.utfort = Some(now);
    }
    let mut out = Virkninger::new();
    let owner = [oppgave.ansvarlig_enhet.clone()];
    out.hendelse("OppgaveKvittert", &oppgave.emne(), owner);
    Ok((oppgave, out))
}

/// The task that a deadline of the unit's own records becomes, by its kind.
pub(crate) fn av_frist(kind: &str) -> Option<Type> {
    Some(match kind {
        kontakt::FRIST_NYTT_TILBUD => Type::NyttTilbud,
        planlegging::FRIST_RAPPORT => Type::PlanlagtKontakt,
        behandlingsplan::FRIST_EVALUERING => Type::Evaluering,
        kontaktplan::FRIST_STEG => Type::Kontaktsteg,
        tilbakemelding::FRIST_SVAR => Type::Tilbakemelding,
        tilbakemelding::FRIST_FIT => Type::FitUnderGrensen,
        kriseplan::FRIST_GJENNOMGANG => Type::Kriseplan,
        risikovurdering::FRIST_UTLOP => Type::Risikovurdering,
        oppfolging::FRIST_AVSLUTT => Type::AvsluttOppfolging,
        oppfolging::FRIST_BEKREFT => Type::BekreftOppfolging,
        _ => return None,
    })
}

/// What it asks for was done. None when that was said before.
pub(crate) fn ferdig(mut oppgave: Oppgave, now: Tid) -> Option<(Oppgave, Virkninger)> {
    if oppgave.innhold.utfort.is_some() {
        return None;
    }
    oppgave.innhold.utfort = Some(now);
    if oppgave.tilstand == Tilstand::Apen {
        oppgave.tilstand = Tilstand::Bortfalt;
    }
    let mut out = Virkninger::new();
    out.slett_frist(FRIST_OPPGAVE, &oppgave.name());
    Some((oppgave, out))
}

/// The same is asked for again, after it was taken or done.
pub(crate) fn igjen(mut oppgave: Oppgave, now: Tid, frist: Tid) -> Option<Oppgave> {
    if oppgave.tilstand == Tilstand::Apen {
        return None;
    }
    oppgave.tilstand = Tilstand::Apen;
    oppgave.innhold = Innhold {
        siden: now,
        kvittert: None,
        frist,
        utfort: None,
    };
    Some(oppgave)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::Rolle;

    use super::*;

    const NOW: Tid = Tid(1_800_000_000_000_000);

    fn who(enhet: &str) -> Aktor {
        Aktor {
            enhet: enhet.into(),
            ansatt: "r1".into(),
            rolle: Rolle::Miljo,
        }
    }

    fn task(tilstand: Tilstand) -> Oppgave {
        let post = "personer/p/oppdrag/1".into();
        let type_ = Type::OppdragTilbudt;
        let mut task = ny(type_, "p".into(), "o".into(), "rop", post, NOW, NOW);
        task.tilstand = tilstand;
        task
    }

    #[test]
    fn every_cell() {
        for (state, may) in [
            (Tilstand::Apen, true),
            (Tilstand::Kvittert, false),
            (Tilstand::Bortfalt, false),
        ] {
            match kvitter(task(state), who("rop"), NOW) {
                Ok((taken, _)) => assert!(may && taken.tilstand == Tilstand::Kvittert),
                Err(refusal) => {
                    assert!(!may);
                    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
                    assert_eq!(refusal.nokler["tilstand"], state.kode());
                }
            }
            let (done, _) = ferdig(task(state), NOW).unwrap();
            assert!(!done.venter());
            assert_eq!(
                done.tilstand == Tilstand::Kvittert,
                state == Tilstand::Kvittert
            );
            assert!(ferdig(done, NOW).is_none(), "once");
        }
    }

    #[test]
    fn only_the_unit_of_the_inbox_takes_a_task() {
        let refusal = kvitter(task(Tilstand::Apen), who("bom"), NOW).unwrap_err();
        assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
    }

    #[test]
    fn what_events_mean() {
        for (type_, expected) in [
            ("OppdragTilbudt", Betydning::Ny),
            ("OppdragAvvist", Betydning::Bortfaller),
            ("OppdragAvsluttet", Betydning::Bortfaller),
            ("OppdragAkseptert", Betydning::Besvart),
            ("OppdragInntatt", Betydning::Besvart),
            ("OppdragEndret", Betydning::Endret),
            ("VedtakFattet", Betydning::Ingen),
            ("", Betydning::Ingen),
        ] {
            assert_eq!(betydning(type_), expected, "{type_}");
        }
    }
}
