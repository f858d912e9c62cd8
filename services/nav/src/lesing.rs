//! The two ways to read records of a person: one by its name, and a page of
//! them.

/// `hent` and `list` of a kind of record.
macro_rules! lesing {
    (
        $record:ty,
        $hent:ident -> $hentet:ident . $one:ident,
        $list:ident -> $listet:ident . $many:ident
    ) => {
        pub(crate) async fn hent(tx: &mut Tx, request: $hent) -> Result<$hentet, Error> {
            let post = lager::les_navngitt::<$record>(tx, &request.name).await?;
            Ok($hentet {
                $one: Some(to_proto(&post)),
            })
        }

        pub(crate) async fn list(tx: &mut Tx, request: $list) -> Result<$listet, Error> {
            let (all, next_page_token) = lager::personens::<$record>(
                tx,
                &request.parent,
                request.page_size,
                &request.page_token,
            )
            .await?;
            Ok($listet {
                $many: all.iter().map(to_proto).collect(),
                next_page_token,
            })
        }
    };
}

pub(crate) use lesing;
