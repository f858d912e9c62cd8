//! Application: what somebody asks for on a person's behalf.
//!
//! MOTTATT → UNDER_KARTLEGGING → KLAR → VEDTATT, and from every open state
//! TRUKKET (on the person's wish, without a reason) or HENLAGT (with one).
//! Invariants: the person's own wish is never empty; the case has a
//! responsible unit from the first instant; until a second party has confirmed
//! it, the relation opens the application alone.

pub(crate) mod kontakt;
pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;
pub(crate) mod sykehus;

use std::collections::{BTreeMap, BTreeSet};

use samspor_chassis::{
    domene::{
        Aktor, Dag, Emne, Hjemmel,
        felles::{Hvem, Relasjon, mange_tall, tall},
        navn,
    },
    store::etag,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{
        self as proto, Boligrett, Henleggelsesarsak, Innsenderrolle, Kanal, SoknadTilstand,
        Tjenestetype,
    },
    felles::{Faktum, Faktumtype},
};
use serde::{Deserialize, Serialize};

use self::{kontakt::Kontakt, sykehus::Sykehusmelding};
use crate::{kartlegging, parorende::Parorende};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "soknader";
/// Deadline: the decision that the preliminary answer promised.
pub(crate) const FRIST_VENTET_AVGJORT: &str = "ventet_avgjort";
/// Deadline: a proposal to close it without a vedtak must be decided.
pub(crate) const FRIST_HENLEGGELSE: &str = "henleggelse";
/// Deadline: a preliminary answer, one month after receipt (fvl § 11 a).
pub(crate) const FRIST_FORELOPIG_SVAR: &str = "forelopig_svar";

samspor_chassis::tilstand! {
    /// State of an application.
    pub(crate) enum Tilstand => SoknadTilstand {
        /// Received; nobody has begun on it.
        Mottatt = "MOTTATT",
        /// The need is being mapped.
        UnderKartlegging = "UNDER_KARTLEGGING",
        /// Ready for a vedtak.
        Klar = "KLAR",
        /// Closed by a vedtak.
        Vedtatt = "VEDTATT",
        /// Taken back.
        Trukket = "TRUKKET",
        /// Closed without a vedtak.
        Henlagt = "HENLAGT",
    }
}

/// An application.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Soknad {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    pub(crate) tilstand: Tilstand,
    /// Unit id that answers for the case.
    pub(crate) ansvarlig_enhet: String,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    /// Reference on the receipt.
    pub(crate) referanse: String,
    /// When it came.
    pub(crate) mottatt: Tid,
    /// When it was registered, where that was later.
    #[serde(default)]
    pub(crate) registrert: Option<Tid>,
    #[serde(default)]
    pub(crate) etterregistrert_grunn: String,
    pub(crate) registrert_av: Aktor,
    /// The person filed it, without help of staff.
    pub(crate) fra_personen: bool,
    pub(crate) innsendt: Innsendt,
    /// Caseworker who began the mapping.
    pub(crate) saksbehandler: Option<Aktor>,
    /// When a second party confirmed the relation.
    pub(crate) bekreftet: Option<Bekreftelse>,
    /// Id of the mapping, from when it starts.
    #[serde(default)]
    pub(crate) kartlegging: Option<String>,
    pub(crate) forelopig_svar_frist: Tid,
    pub(crate) forelopig_svar: Option<Tid>,
    /// What the preliminary answer said.
    #[serde(default)]
    pub(crate) ventet: Option<Ventet>,
    /// Answers whose day passed, and when they were given.
    #[serde(default)]
    pub(crate) tidligere_svar: Vec<(Tid, Ventet)>,
    /// How the person took it back, where staff registered it.
    #[serde(default)]
    pub(crate) trukket_onske: String,
    /// Units that the person refuses to have contacted, and since when.
    #[serde(default)]
    pub(crate) nektet: BTreeMap<String, Tid>,
    /// Units that the person allows to have contacted, and since when.
    #[serde(default)]
    pub(crate) tillatt: BTreeMap<String, Tid>,
    pub(crate) avsluttet: Option<(Tid, Aktor)>,
    pub(crate) henleggelse: Option<Henleggelse>,
    /// It is proposed to close it without a vedtak, and who did.
    #[serde(default)]
    pub(crate) foreslatt: Option<(Henleggelse, Aktor)>,
    /// Why it was last said no to.
    #[serde(default)]
    pub(crate) henleggelse_avvist: String,
}

/// What the sender told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innsendt {
    pub(crate) eget_onske: String,
    #[serde(with = "mange_tall")]
    pub(crate) gjelder: Vec<Tjenestetype>,
    #[serde(with = "mange_tall", default)]
    pub(crate) gjelder_bolig: Vec<Boligrett>,
    #[serde(with = "tall")]
    pub(crate) kanal: Kanal,
    pub(crate) innsender: Option<Innsender>,
    pub(crate) helseopplysninger: String,
    pub(crate) parorende: Vec<Parorende>,
    pub(crate) oppholdssted: String,
    pub(crate) boligsituasjon: String,
    /// Kept from before contact was said by unit; `kontakt` has it too.
    #[serde(default)]
    pub(crate) reservert_kontakt: bool,
    pub(crate) okonomi: String,
    #[serde(default)]
    pub(crate) kontakt: Kontakt,
    #[serde(default)]
    pub(crate) sykehusmelding: Option<Sykehusmelding>,
}

/// What a preliminary answer says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ventet {
    pub(crate) avgjort: Dag,
    pub(crate) begrunnelse: String,
}

/// Who filed it on the person's behalf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innsender {
    pub(crate) navn: String,
    pub(crate) relasjon: String,
    pub(crate) kontakt: String,
    /// UNSPECIFIED in what was filed before it was asked for.
    #[serde(with = "tall", default)]
    pub(crate) rolle: Innsenderrolle,
}

/// A second party confirmed the relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bekreftelse {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
}

/// Why it was closed without a vedtak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Henleggelse {
    #[serde(with = "tall")]
    pub(crate) arsak: Henleggelsesarsak,
    pub(crate) begrunnelse: String,
    pub(crate) hjemmel: Hjemmel,
}

impl Soknad {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// What events and deadlines are about.
    pub(crate) fn emne(&self) -> Emne {
        Emne {
            person: self.person.clone(),
            post: self.name(),
            eier: self.ansvarlig_enhet.clone(),
        }
    }

    /// The relations that the open case gives, ended at `til`: SOKER, for the
    /// application alone, until it is confirmed; then SAK, for the application
    /// (an open case to refer to) and for the person, and what the units read
    /// that the person allows.
    pub(crate) fn fakta(&self, til: Option<Tid>) -> Vec<Faktum> {
        match &self.innhold.bekreftet {
            None => vec![self.soker(til)],
            Some(Bekreftelse { tid, av }) => {
                let unit = &self.ansvarlig_enhet;
                let name = self.name();
                let mut facts =
                    crate::sak_hos(unit, &self.id, &self.person, &name, (*tid, til), av);
                let allowed = self.innhold.tillatt.iter();
                facts.extend(
                    allowed.map(|(unit, fra)| kontakt::apnet(self, unit, *fra.max(tid), til)),
                );
                facts
            }
        }
    }

    /// What keeps the units that the person refuses away. It holds for the
    /// vedtak too, and ends when the person says otherwise.
    pub(crate) fn stengt(&self) -> Vec<Faktum> {
        let refused = self.innhold.nektet.iter();
        refused
            .flat_map(|(unit, fra)| kontakt::stengt(self, unit, *fra, None))
            .collect()
    }

    /// Ids of the units that the person refuses.
    pub(crate) fn nektet(&self) -> BTreeSet<String> {
        self.innhold.nektet.keys().cloned().collect()
    }

    /// The unconfirmed relation.
    pub(crate) fn soker(&self, til: Option<Tid>) -> Faktum {
        Relasjon {
            id: format!("soker/{}", self.id),
            subjekt: &self.person,
            part: Hvem::Enhet(&self.ansvarlig_enhet),
            type_: Faktumtype::Soker,
            post: self.name(),
            fra: self.innhold.registrert.unwrap_or(self.innhold.mottatt),
            til,
            opprettet_av: &self.innhold.registrert_av.ansatt,
        }
        .faktum()
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Soknad {
        let Innhold {
            referanse,
            mottatt,
            registrert: _,
            etterregistrert_grunn,
            registrert_av,
            fra_personen,
            innsendt,
            saksbehandler,
            bekreftet,
            kartlegging,
            forelopig_svar_frist,
            forelopig_svar,
            ventet,
            tidligere_svar,
            trukket_onske,
            nektet: _,
            tillatt: _,
            avsluttet,
            henleggelse,
            foreslatt,
            henleggelse_avvist,
        } = self.innhold.clone();
        let henleggelse_foreslatt = foreslatt.is_some();
        let henleggelse = henleggelse.or(foreslatt.map(|(proposed, _)| proposed));
        let innsender = innsendt.innsender.map(|sender| proto::Innsender {
            navn: sender.navn,
            relasjon: sender.relasjon,
            kontakt: sender.kontakt,
            rolle: sender.rolle.into(),
        });

        proto::Soknad {
            name: self.name(),
            etag: etag::etag(self.versjon),
            tilstand: SoknadTilstand::from(self.tilstand).into(),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            referanse,
            mottatt: Some(mottatt.into()),
            etterregistrert_grunn,
            eget_onske: innsendt.eget_onske,
            gjelder: innsendt.gjelder.into_iter().map(Into::into).collect(),
            gjelder_bolig: innsendt.gjelder_bolig.into_iter().map(Into::into).collect(),
            kanal: innsendt.kanal.into(),
            innsender,
            helseopplysninger: innsendt.helseopplysninger,
            parorende: innsendt.parorende.into_iter().map(Into::into).collect(),
            oppholdssted: innsendt.oppholdssted,
            boligsituasjon: innsendt.boligsituasjon,
            skjerming: None,
            reservert_kontakt: innsendt.kontakt.reservert || innsendt.reservert_kontakt,
            okonomi: innsendt.okonomi,
            registrert_av: Some(registrert_av.to_proto()),
            fra_personen,
            saksbehandler: saksbehandler.map(|who| who.to_proto()),
            bekreftet: bekreftet.is_some(),
            kartlegging: kartlegging
                .map(|id| navn::post(&self.person, kartlegging::SAMLING, &id))
                .unwrap_or_default(),
            forelopig_svar_frist: Some(forelopig_svar_frist.into()),
            forelopig_svar: forelopig_svar.map(Into::into),
            avsluttet: avsluttet.as_ref().map(|(at, _)| (*at).into()),
            avsluttet_av: avsluttet.map(|(_, who)| who.to_proto()),
            henleggelse_foreslatt,
            henleggelse_avvist,
            henleggelsesarsak: henleggelse.as_ref().map_or(0, |h| h.arsak.into()),
            henleggelse_begrunnelse: henleggelse
                .as_ref()
                .map(|h| h.begrunnelse.clone())
                .unwrap_or_default(),
            hjemmel: henleggelse.map(|h| h.hjemmel.to_proto()),
            kontaktsamtykker: innsendt.kontakt.to_proto(),
            fra_sykehus: innsendt.sykehusmelding.is_some(),
            sykehusmelding: innsendt.sykehusmelding.map(Into::into),
            ventet_avgjort: ventet
                .as_ref()
                .map(|told| told.avgjort.to_string())
                .unwrap_or_default(),
            forelopig_svar_begrunnelse: ventet.map(|told| told.begrunnelse).unwrap_or_default(),
            trukket_onske,
            tidligere_svar: tidligere_svar
                .into_iter()
                .map(|(tid, told)| proto::ForelopigSvar {
                    gitt: Some(tid.into()),
                    ventet_avgjort: told.avgjort.to_string(),
                    begrunnelse: told.begrunnelse,
                })
                .collect(),
        }
    }
}
