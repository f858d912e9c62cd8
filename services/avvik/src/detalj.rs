//! What an avvik says about persons, apart from it: read by the reporter's unit
//! and by those that took a part, never by one that is only proposed one.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use samspor_chassis::{
    domene::{Aktor, dokument, navn},
    error::{Error, FieldFaults, Refusal},
    params,
    store::Tx,
};
use samspor_proto::avvik::{
    Avviksdetalj, Avviksvedlegg, HentAvviksdetaljRequest, HentAvviksdetaljResponse,
};
use serde::{Deserialize, Serialize};

use crate::{avvik::navn_pa, sporsmal::Svar};

/// Attachments of an avvik.
const VEDLEGG: usize = 3;
/// Bytes of one: all of them fit in a message.
const STORRELSE: usize = 1024 * 1024;
/// Characters of a file name.
const FILNAVN: usize = 120;

/// The detail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Detalj {
    pub(crate) fritekst: String,
    pub(crate) helse: String,
    pub(crate) sted: String,
    /// Name of the person; may be empty.
    pub(crate) person: String,
    pub(crate) poster: Vec<String>,
    pub(crate) melder: Aktor,
    pub(crate) svar_tredjepart: Vec<Svar>,
    pub(crate) svar_helse: Vec<Svar>,
}

/// An attached file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vedlegg {
    helse: bool,
    navn: String,
    innhold: Vec<u8>,
}

/// How a file of each ending begins; a text is text.
const ENDELSER: &[(&str, &[u8])] = &[
    ("pdf", b"%PDF-"),
    ("png", b"\x89PNG\r\n\x1a\n"),
    ("jpg", b"\xff\xd8\xff"),
    ("jpeg", b"\xff\xd8\xff"),
    ("txt", b""),
];

/// Why a file is not taken, in the words of `FELT_FORM`.
fn feil_ved(navn: &str, innhold: &[u8]) -> Option<&'static str> {
    let mut words = navn.split('.');
    let (stem, ending) = (words.next().unwrap_or_default(), words.next());
    let plain = |c: char| c.is_alphanumeric() || " _-()".contains(c);
    // One dot: `faktura.pdf.exe` shows as `faktura.pdf` to many.
    if stem.trim().is_empty() || words.next().is_some() || !stem.chars().all(plain) {
        return Some(
            "et filnavn med bokstaver, tall, mellomrom, _, - og (), og ett punktum før endelsen",
        );
    }
    let ending = ending.unwrap_or_default().to_lowercase();
    let Some((_, begins)) = ENDELSER.iter().find(|(known, _)| **known == ending) else {
        return Some("en fil som slutter på .pdf, .png, .jpg, .jpeg eller .txt");
    };
    let text = std::str::from_utf8(innhold).is_ok_and(|text| {
        let control = |c: char| c.is_control() && !"\n\r\t".contains(c);
        !text.chars().any(control)
    });
    if !innhold.starts_with(begins) || (ending == "txt" && !text) {
        return Some("en fil med det innholdet som endelsen sier");
    }
    None
}

/// The attachments of a request.
pub(crate) fn les_vedlegg(
    (vanlige, helse): (Vec<Avviksvedlegg>, Vec<Avviksvedlegg>),
    faults: &mut FieldFaults,
) -> Vec<Vedlegg> {
    if vanlige.len() + helse.len() > VEDLEGG {
        faults.range("vedlegg", 0, VEDLEGG);
        return Vec::new();
    }
    let mut read = Vec::new();
    for (field, sensitive, files) in [("vedlegg", false, vanlige), ("helsevedlegg", true, helse)] {
        for (n, file) in files.into_iter().enumerate() {
            let path = |name: &str| format!("{field}[{n}].{name}");
            if file.navn.chars().count() > FILNAVN {
                faults.too_long(path("navn"), FILNAVN);
            } else if let Some(form) = feil_ved(&file.navn, &file.innhold) {
                faults.form(path("navn"), form);
            }
            if !(1..=STORRELSE).contains(&file.innhold.len()) {
                faults.range(path("innhold"), "1 byte", "1 MiB");
            }
            read.push(Vedlegg {
                helse: sensitive,
                navn: file.navn,
                innhold: file.innhold.into(),
            });
        }
    }
    read
}

/// Stores the detail of a new avvik.
pub(crate) async fn sett_inn(
    tx: &mut Tx,
    (id, avvik, melder_enhet): (&str, &str, &str),
    detalj: &Detalj,
    vedlegg: &[Vedlegg],
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO avviksdetalj (id, avvik, melder_enhet, innhold) VALUES ($1, $2, $3, $4)",
        params![id, avvik, melder_enhet, dokument::skriv(detalj)?],
    )
    .await?;
    let row = |(nr, file): (i64, &Vedlegg)| {
        vec![
            id.into(),
            nr.into(),
            i64::from(file.helse).into(),
            file.navn.as_str().into(),
            BASE64_STANDARD.encode(&file.innhold).into(),
        ]
    };
    let rows = (1..).zip(vedlegg).map(row).collect();
    let into = "INSERT INTO avviksvedlegg (detalj, nr, helse, navn, innhold) VALUES ";
    tx.insert(into, "", rows).await?;
    Ok(())
}

/// Who reported an avvik.
pub(crate) async fn melder(tx: &mut Tx, detalj: &str) -> Result<Aktor, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT innhold FROM avviksdetalj WHERE id = $1",
            params![detalj],
        )
        .await?;
    let (innhold,) = row.ok_or_else(Refusal::not_found)?;
    Ok(dokument::les::<Detalj>(&innhold)?.melder)
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentAvviksdetaljRequest,
) -> Result<HentAvviksdetaljResponse, Error> {
    let parts: Vec<&str> = request.name.split('/').collect();
    let ["avvik", avvik, "detaljer", id] = parts.as_slice() else {
        let mut faults = FieldFaults::new();
        faults.form("name", "avvik/{uuid}/detaljer/{uuid}");
        faults.finish()?;
        return Err(Refusal::not_found().into());
    };
    let row: Option<(String, String)> = tx
        .one(
            "SELECT melder_enhet, innhold FROM avviksdetalj WHERE id = $1 AND avvik = $2",
            params![*id, *avvik],
        )
        .await?;
    let (unit, innhold) = row.ok_or_else(Refusal::not_found)?;
    let files: Vec<(i64, String, String)> = tx
        .all(
            "SELECT helse, navn, innhold FROM avviksvedlegg WHERE detalj = $1 ORDER BY nr",
            params![*id],
        )
        .await?;
    let mut detalj = dokument::les::<Detalj>(&innhold)?.to_proto((id, avvik, &unit));
    for (helse, navn, innhold) in files {
        let innhold = BASE64_STANDARD.decode(innhold).map_err(Error::internal)?;
        let file = Avviksvedlegg {
            navn,
            innhold: innhold.into(),
        };
        match helse {
            0 => detalj.vedlegg.push(file),
            _ => detalj.helsevedlegg.push(file),
        }
    }
    Ok(HentAvviksdetaljResponse {
        detalj: Some(detalj),
    })
}

impl Detalj {
    fn to_proto(&self, (id, avvik, melder_enhet): (&str, &str, &str)) -> Avviksdetalj {
        Avviksdetalj {
            name: format!("{}/detaljer/{id}", navn_pa(avvik)),
            melder_enhet: navn::enhet(melder_enhet),
            fritekst: self.fritekst.clone(),
            helse: self.helse.clone(),
            sted: self.sted.clone(),
            person: self.person.clone(),
            poster: self.poster.clone(),
            melder: Some(self.melder.to_proto()),
            svar_tredjepart: self.svar_tredjepart.iter().map(Svar::to_proto).collect(),
            svar_helse: self.svar_helse.iter().map(Svar::to_proto).collect(),
            vedlegg: Vec::new(),
            helsevedlegg: Vec::new(),
            skjerming: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen red: with the last ending looked at, and with no look at the content.
    #[test]
    fn what_is_no_document_is_not_taken() {
        let big = vec![b'a'; STORRELSE + 1];
        for (navn, innhold, taken) in [
            ("notat.txt", b"Kl. 02".as_slice(), true),
            ("Bilde (1).JPG", b"\xff\xd8\xff\xe0", true),
            ("skann.pdf", b"%PDF-1.7", true),
            ("skann.pdf", b"MZ\x90", false),
            ("notat.txt", b"MZ\x00", false),
            ("notat.txt", b"", false),
            ("notat.txt", &big, false),
            ("a.exe", b"MZ", false),
            ("a.js", b"x", false),
            ("a.bat", b"x", false),
            ("faktura.pdf.exe", b"%PDF-1.7", false),
            ("faktura.exe.pdf", b"%PDF-1.7", false),
            ("../a.txt", b"x", false),
            ("a\\b.txt", b"x", false),
            ("a\u{202e}fdp.txt", b"x", false),
            ("a\0.txt", b"x", false),
            (".txt", b"x", false),
            ("notat", b"x", false),
        ] {
            let mut faults = FieldFaults::new();
            let file = Avviksvedlegg {
                navn: navn.into(),
                innhold: innhold.to_vec().into(),
            };
            les_vedlegg((vec![file], Vec::new()), &mut faults);
            assert_eq!(faults.is_empty(), taken, "{navn}");
        }
        let file = Avviksvedlegg {
            navn: "a.txt".into(),
            innhold: b"x".to_vec().into(),
        };
        let mut faults = FieldFaults::new();
        les_vedlegg((vec![file.clone(); 2], vec![file; 2]), &mut faults);
        assert!(!faults.is_empty());
    }
}
