//! The clocks of an avvik: what runs, and what was told of. Pure.

use samspor_chassis::{deadlines::NewDeadline, tid::Tid};

use super::{Avvik, Deltilstand, Tilstand, Tiltakstilstand};

/// Deadline: a unit answers a proposed part.
pub(crate) const FRIST_KVITTERING: &str = "kvittering";
/// Deadline: a measure is carried out.
pub(crate) const FRIST_TILTAK: &str = "tiltak";
/// Deadline: the effect of a measure is checked.
pub(crate) const FRIST_EFFEKT: &str = "effektkontroll";
/// Deadline: the pause is over.
pub(crate) const FRIST_PAUSE: &str = "pause";
/// Every kind.
pub(crate) const FRISTER: [&str; 4] = [FRIST_KVITTERING, FRIST_TILTAK, FRIST_EFFEKT, FRIST_PAUSE];

/// What runs of a kind and was not told of: when it breaks, and the unit that
/// hears of it beside those that hear of all.
fn lop<'a>(avvik: &'a Avvik, kind: &str) -> Vec<(Tid, &'a str)> {
    let paused = avvik.tilstand == Tilstand::PaVent;
    if !avvik.apent() || paused != (kind == FRIST_PAUSE) {
        return Vec::new();
    }
    let parts = avvik.deler();
    let measures = avvik
        .deler()
        .flat_map(|part| part.tiltak.iter().map(move |one| (part, one)));
    match kind {
        FRIST_KVITTERING => parts
            .filter(|part| part.tilstand == Deltilstand::Foreslatt && !part.kvittering_brutt)
            .map(|part| (part.kvitteringsfrist, part.enhet.as_str()))
            .collect(),
        FRIST_TILTAK => measures
            .filter(|(_, one)| one.tilstand == Tiltakstilstand::Planlagt && !one.frist_brutt)
            .map(|(_, one)| (one.frist.slutt(), one.enhet.as_str()))
            .collect(),
        FRIST_EFFEKT => measures
            .filter(|(_, one)| one.tilstand == Tiltakstilstand::Utfort && !one.kontroll_brutt)
            .map(|(part, one)| (one.kontrolldag.slutt(), part.enhet.as_str()))
            .collect(),
        _ => avvik
            .innhold
            .pause
            .iter()
            .filter(|pause| !pause.varslet)
            .map(|pause| (pause.til.slutt(), avvik.ansvarlig()))
            .collect(),
    }
}

/// The deadline of a kind; none when nothing of the kind runs.
pub(crate) fn frist(avvik: &Avvik, kind: &'static str) -> Option<NewDeadline> {
    let running = lop(avvik, kind);
    let due = running.iter().map(|(due, _)| *due).min()?;
    let next = running.iter().filter(|(when, _)| *when == due);
    let mut told = avvik.meldere();
    told.extend(next.map(|(_, unit)| *unit).chain([avvik.ansvarlig()]));
    let emne = avvik.emne();
    Some(NewDeadline {
        post: emne.post,
        person: emne.person,
        kind,
        due,
        warn: None,
        eier: emne.eier,
        mottakere: told.into_iter().map(ToOwned::to_owned).collect(),
    })
}

/// What of a kind was due by then is told of once.
pub(crate) fn brutt(mut avvik: Avvik, kind: &str, due: Tid) -> Avvik {
    for part in &mut avvik.innhold.deler {
        let proposed = part.tilstand == Deltilstand::Foreslatt;
        part.kvittering_brutt |=
            kind == FRIST_KVITTERING && proposed && part.kvitteringsfrist <= due;
        for one in &mut part.tiltak {
            let (planned, done) = (Tiltakstilstand::Planlagt, Tiltakstilstand::Utfort);
            one.frist_brutt |=
                kind == FRIST_TILTAK && one.tilstand == planned && one.frist.slutt() <= due;
            one.kontroll_brutt |=
                kind == FRIST_EFFEKT && one.tilstand == done && one.kontrolldag.slutt() <= due;
        }
    }
    if let Some(pause) = &mut avvik.innhold.pause {
        pause.varslet |= kind == FRIST_PAUSE && pause.til.slutt() <= due;
    }
    avvik
}
