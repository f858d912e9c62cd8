//! The steps of an avvik, as the events that they were, and how long each unit
//! had to answer: an avvik is about nobody, so its events and deadlines are in no
//! person's list, and its record says when.

use samspor_chassis::tid::Tid;
use samspor_proto::avvik::{Avvik, AvviksdelTilstand::Returnert, Meldervurdering::Uenig};

use super::{
    grunnlag::{Frist, Hendelse},
    hent::{enhet, tid},
};

/// Service that keeps avvik.
const AVVIK: &str = "avvik";

/// What happened to an avvik, and when.
pub(super) fn hendelser(avvik: &Avvik) -> Vec<Hendelse> {
    let mut steps = Vec::new();
    let mut step = |type_: &str, at: Option<Tid>, unit: &str, told: Vec<String>, post: String| {
        let Some(tid) = at else {
            return;
        };
        steps.push(Hendelse {
            kilde: AVVIK.to_owned(),
            // In this order, also within one instant.
            navn: format!("{}/{:03}", avvik.name, steps.len()),
            type_: type_.to_owned(),
            post,
            tid,
            eier: enhet(unit),
            mottakere: told,
            ..Hendelse::default()
        });
    };
    let name = || avvik.name.clone();
    let answers = enhet(&avvik.ansvarlig_enhet);
    step("AvvikHendt", tid(avvik.hendt), &answers, Vec::new(), name());
    step(
        "AvvikMeldt",
        tid(avvik.meldt),
        &avvik.melder_enhet,
        Vec::new(),
        name(),
    );
    for part in &avvik.deler {
        let unit = enhet(&part.enhet);
        let post = || format!("{} ({unit})", avvik.name);
        let answered = match part.tilstand() {
            Returnert => "AvviksdelReturnert",
            _ => "AvviksdelAkseptert",
        };
        step(
            "AvviksdelForeslatt",
            tid(part.foreslatt),
            &answers,
            vec![unit.clone()],
            post(),
        );
        step(answered, tid(part.besvart), &unit, Vec::new(), post());
        for one in &part.tiltak {
            let done = tid(one.utfort);
            step("AvvikstiltakUtfort", done, &one.enhet, Vec::new(), post());
            let seen = tid(one.kontrollert);
            step("AvvikseffektKontrollert", seen, &unit, Vec::new(), post());
        }
        step(
            "AvviksdelFerdig",
            tid(part.ferdig),
            &unit,
            Vec::new(),
            post(),
        );
    }
    for feedback in &avvik.tilbakemeldinger {
        let told = vec![enhet(&avvik.melder_enhet)];
        step(
            "AvvikTilbakemeldt",
            tid(feedback.tid),
            &feedback.enhet,
            told,
            name(),
        );
        for answer in &feedback.svar {
            let type_ = match answer.vurdering() {
                Uenig => "AvvikMelderUenig",
                _ => "AvvikMelderFornoyd",
            };
            let told = vec![enhet(&feedback.enhet)];
            step(type_, tid(answer.tid), &answer.enhet, told, name());
        }
    }
    step(
        "AvvikLukket",
        tid(avvik.lukket),
        &answers,
        Vec::new(),
        name(),
    );
    steps
}

/// The time that each unit had to answer its part. When a measure was set is not
/// in the record, so its deadline is not here.
pub(super) fn frister(avvik: &Avvik) -> Vec<Frist> {
    let mut runs = Vec::new();
    for (place, part) in avvik.deler.iter().enumerate() {
        let (Some(satt), Some(forfall)) = (tid(part.foreslatt), tid(part.kvitteringsfrist)) else {
            continue;
        };
        let unit = enhet(&part.enhet);
        runs.push(Frist {
            kilde: AVVIK.to_owned(),
            navn: format!("{}/{place:03}", avvik.name),
            type_: "kvittering".to_owned(),
            post: format!("{} ({unit})", avvik.name),
            satt,
            forfall,
            brutt: part.kvittering_brutt.then_some(forfall),
            avsluttet: tid(part.besvart),
            eier: unit,
            mottakere: vec![enhet(&avvik.ansvarlig_enhet)],
            ..Frist::default()
        });
    }
    runs
}

#[cfg(test)]
mod tests {
    use samspor_proto::avvik::{
        Avviksdel, AvviksdelTilstand, Avvikstiltak, Tilbakemelding, Tilbakemeldingssvar,
    };

    use super::*;

    #[test]
    fn each_step_has_its_time_and_unit() {
        let at = |seconds: i64| Some(Tid(seconds * 1_000_000).to_proto());
        let part = |unit: &str, state: AvviksdelTilstand| Avviksdel {
            enhet: format!("enheter/{unit}"),
            tilstand: state.into(),
            foreslatt: at(20),
            besvart: at(30),
            ..Avviksdel::default()
        };
        let mut done = part("boligkontor", AvviksdelTilstand::Ferdig);
        done.ferdig = at(40);
        done.kvitteringsfrist = at(25);
        done.kvittering_brutt = true;
        done.tiltak = vec![Avvikstiltak {
            enhet: "enheter/bom".to_owned(),
            utfort: at(35),
            kontrollert: at(38),
            ..Avvikstiltak::default()
        }];
        let avvik = Avvik {
            name: "avvik/a".to_owned(),
            ansvarlig_enhet: "enheter/boligkontor".to_owned(),
            melder_enhet: "enheter/nav".to_owned(),
            hendt: at(5),
            meldt: at(10),
            deler: vec![done, part("rop", Returnert), Avviksdel::default()],
            tilbakemeldinger: vec![Tilbakemelding {
                enhet: "enheter/boligkontor".to_owned(),
                tid: at(50),
                svar: vec![Tilbakemeldingssvar {
                    enhet: "enheter/nav".to_owned(),
                    tid: at(60),
                    vurdering: Uenig.into(),
                    ..Tilbakemeldingssvar::default()
                }],
                ..Tilbakemelding::default()
            }],
            ..Avvik::default()
        };
        let steps: Vec<String> = hendelser(&avvik)
            .iter()
            .map(|step| {
                format!(
                    "{} {} {} → {}",
                    step.tid.0 / 1_000_000,
                    step.eier,
                    step.type_,
                    step.mottakere.join(",")
                )
            })
            .collect();
        assert_eq!(
            steps,
            [
                "5 boligkontor AvvikHendt → ",
                "10 nav AvvikMeldt → ",
                "20 boligkontor AvviksdelForeslatt → boligkontor",
                "30 boligkontor AvviksdelAkseptert → ",
                "35 bom AvvikstiltakUtfort → ",
                "38 boligkontor AvvikseffektKontrollert → ",
                "40 boligkontor AvviksdelFerdig → ",
                "20 boligkontor AvviksdelForeslatt → rop",
                "30 rop AvviksdelReturnert → ",
                "50 boligkontor AvvikTilbakemeldt → nav",
                "60 nav AvvikMelderUenig → boligkontor",
            ]
        );
        let runs = frister(&avvik);
        let told: Vec<_> = runs
            .iter()
            .map(|run| {
                let times = [Some(run.satt), Some(run.forfall), run.brutt, run.avsluttet];
                let seconds = times.map(|at| at.map(|at| at.0 / 1_000_000));
                (run.eier.as_str(), run.post.as_str(), seconds)
            })
            .collect();
        let times = [Some(20), Some(25), Some(25), Some(30)];
        assert_eq!(told, [("boligkontor", "avvik/a (boligkontor)", times)]);
    }
}
