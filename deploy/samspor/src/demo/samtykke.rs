//! Nav wants to know more than a party may; the person says yes, and then no.

use std::time::Duration;

use anyhow::{Context as _, Result};
use samspor_proto::{
    felles::{Periode, Rolle},
    gateway::{InnsynPost, ListInnsynRequest, ListInnsynResponse},
    hendelse::{FolgRequest, FolgResponse},
    klassifisering::{Klasser, kortnavn},
    koordinering::*,
    tilgang::{Dataklasse, Formal},
};

use super::{
    print::Step,
    stage::{Someone, Stage, refusal, unit_of},
};
use crate::desk::Answer;

/// Longest wait for the end of a stream.
const PATIENCE: Duration = Duration::from_secs(5);

impl Stage<'_> {
    pub(super) async fn consent(
        &mut self,
        person: &str,
        vedtak: &str,
        nav: &Someone,
    ) -> Result<()> {
        let herself = self.the_person(person).await?;
        let _ = self.vedtak_read(nav, Formal::Samordning, vedtak).await;
        let now = self.now();
        let request = GiSamtykkeRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            enhet: "enheter/nav".to_owned(),
            rolle: Rolle::Saksbehandler.into(),
            klasser: [
                Dataklasse::Tjeneste,
                Dataklasse::Funksjon,
                Dataklasse::Helse,
            ]
            .map(Into::into)
            .to_vec(),
            formal: Formal::Samordning.into(),
            periode: Some(Periode {
                fra: None,
                til: Some(now.plus(Duration::from_hours(90 * 24)).to_proto()),
            }),
            form: Samtykkeform::Digital.into(),
            innhentet: Some(now.to_proto()),
            post: String::new(),
        };
        let consent = self
            .must(
                &herself,
                Formal::Innsyn,
                "lets Nav's caseworkers know function and health, for 90 days",
                "koordinering.v1.SamtykkeService/GiSamtykke",
                request,
                |_: &GiSamtykkeResponse| "consent holds from this answer on",
            )
            .await?
            .samtykke
            .context("no consent came back")?
            .name;
        let _ = self.vedtak_read(nav, Formal::Samordning, vedtak).await;
        let desk = nav.desk.with_purpose(Formal::Samordning);
        let method = "hendelse.v1.HendelseService/Folg";
        let follow = FolgRequest {
            parent: person.to_owned(),
            tjeneste: "rop".to_owned(),
            fra: None,
        };
        let mut stream = desk.stream::<_, FolgResponse>(method, follow).await?;
        let request = TrekkSamtykkeRequest {
            name: consent,
            request_id: self.id(),
        };
        self.must(
            &herself,
            Formal::Innsyn,
            "withdraws the consent; no reason is asked for",
            "koordinering.v1.SamtykkeService/TrekkSamtykke",
            request,
            |_: &TrekkSamtykkeResponse| {
                "withdrawn, and honoured by every replica when this is answered"
            },
        )
        .await?;
        let ended = tokio::time::timeout(PATIENCE, async {
            loop {
                match stream.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => return "the stream ended".to_owned(),
                    Err(status) => return refusal(&status),
                }
            }
        })
        .await;
        self.out.step(Step {
            kommune: self.kommune.to_owned(),
            hvem: nav.name.clone(),
            hva: "had a stream of the person's events open".to_owned(),
            avslatt: ended.is_ok(),
            svar: ended.unwrap_or_else(|_| "the stream is still open".to_owned()),
            ..Step::default()
        });
        let _ = self.vedtak_read(nav, Formal::Samordning, vedtak).await;
        Ok(())
    }

    pub(super) async fn show_log(&mut self, person: &str) -> Result<()> {
        let herself = self.the_person(person).await?;
        let request = ListInnsynRequest {
            parent: person.to_owned(),
            page_size: 200,
            page_token: String::new(),
            ..ListInnsynRequest::default()
        };
        let method = "gateway.v1.InnsynsloggService/ListInnsyn";
        let desk = herself.desk.with_purpose(Formal::Innsyn);
        let log: Answer<ListInnsynResponse> = desk.call(method, request).await;
        let mut lines: Vec<(String, String)> = Vec::new();
        for row in log.result?.innsyn.iter().rev() {
            let actor = row.aktor.clone().unwrap_or_default();
            let who = match unit_of(&actor.enhet) {
                "" => "you".to_owned(),
                unit => format!("{unit} {}", actor.ansatt),
            };
            let method = row.metode.rsplit('/').next().unwrap_or_default();
            let released: Klasser = row.poster.iter().flat_map(InnsynPost::utlevert).collect();
            let told = released.iter().filter(|c| *c != Dataklasse::Teknisk);
            let what = match row.avslatt {
                true => "refused".to_owned(),
                false => told.map(kortnavn).collect::<Vec<_>>().join(" "),
            };
            let act = format!("{who:<34} {method:<30}");
            // A change is logged before it is made and when it is answered: the
            // answer says it all.
            if lines.last().is_some_and(|(before, _)| *before == act) {
                lines.pop();
            }
            lines.push((act, format!("{:<14} {what}", row.regler.join(","))));
        }
        let lines: Vec<String> = lines
            .into_iter()
            .map(|(act, what)| format!("{act} {what}"))
            .collect();
        let title = "The access log as the person sees it";
        self.out.lines(title, &lines);
        Ok(())
    }
}
