//! What the front's tests share: an engine of three stats, a base, and a driver that answers by a script.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use crate::{
    build::{
        base::{Base, BaseId, EditionId, EngineFacts, StatInfo},
        outcome::{Cell, ComputePath, Evaluated, StatValue, Stats},
        variation::Variation,
    },
    supervisor::{
        BaseError, Held, SessionSpec,
        scripted::{Event, Item, Lease},
    },
};

pub(super) const XML: &str = "<PathOfBuilding/>";

pub(super) fn engine() -> EngineFacts {
    let stat = |name: &str, main| StatInfo {
        name: name.to_owned(),
        label: format!("{name} of the character"),
        unit: String::new(),
        more_is_better: Some(true),
        main,
    };
    EngineFacts {
        name: "test".into(),
        kind: "test".into(),
        edition: EditionId(1),
        version: "1.0".into(),
        tree_versions: vec!["3_26".into()],
        fingerprint: "f".into(),
        stats: vec![stat("Level", true), stat("Mana", false)],
        notice: "for tests".into(),
    }
}

/// The base: level 90.
pub(super) fn base() -> Arc<Base> {
    Arc::new(Base {
        id: BaseId::of("test", XML),
        engine: Arc::new(engine()),
        xml: XML.into(),
        label: "test".into(),
        stats: vec![("Level".into(), StatValue::Number(90.0))],
        warnings: Vec::new(),
    })
}

/// The same, as the supervisor hands it out.
pub(super) fn held() -> Held {
    Held::new(base(), Lease::default())
}

/// The variation behind an item.
pub(super) fn variation(item: &Item) -> Variation {
    serde_json::from_slice(&item.text).unwrap()
}

/// Answers that the variation's level is its level.
pub(super) fn answer(item: Item) {
    let level = variation(&item).level.unwrap_or(90);
    let stats = Stats { cells: vec![Cell::Number], values: vec![level.into()], extra: Vec::new() };
    item.answer(Evaluated {
        tag: 0,
        result: Ok(stats),
        warnings: Vec::new(),
        queue: Duration::from_millis(1),
        compute: Duration::from_millis(2),
        path: ComputePath::Fast,
        shard: 3,
        generation: 1,
        verification: None,
    });
}

/// Answers questions about bases and sessions, until there is work or a session is over. `None`: the supervisor is gone.
pub(super) async fn next(events: &mut mpsc::Receiver<Event>) -> Option<Next> {
    loop {
        match events.recv().await? {
            Event::LoadBase(_, _, reply) => {
                let _ = reply.send(Ok(held()));
            }
            Event::FindBase(_, id, reply) => {
                let _ = reply.send(if id == base().id { Ok(held()) } else { Err(BaseError::Unknown(id)) });
            }
            Event::OpenSession(spec, reply) => {
                let _ = reply.send(Ok(1));
                return Some(Next::Opened(spec));
            }
            Event::Submitted(_, items) => return Some(Next::Work(items)),
            Event::SessionClosed(_) => return Some(Next::Closed),
            other => panic!("the front does not cause {other:?}"),
        }
    }
}

/// What a script has to act on.
#[derive(Debug)]
pub(super) enum Next {
    Opened(SessionSpec),
    Work(Vec<Item>),
    Closed,
}

/// A driver that answers everything at once.
pub(super) async fn answer_all(mut events: mpsc::Receiver<Event>) {
    while let Some(next) = next(&mut events).await {
        if let Next::Work(items) = next {
            items.into_iter().for_each(answer);
        }
    }
}
