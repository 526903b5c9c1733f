//! One event as it is written on the wire, read into borrowed text.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base::{Timestamp, ViewerId};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{AGE_MS_MAX, AHEAD_MS_MAX, Reason, ViewerPolicy, WATCH_LOOPS_MAX, WATCH_MS_MAX};
use crate::{Body, Error, Event, EventId, Kind, Result, Watch};

/// The longest name of an unknown field that is repeated to the client, in bytes.
const FIELD_NAME_BYTES_MAX: usize = 40;

/// Why one event was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub reason: Reason,
    pub message: Cow<'static, str>,
}

fn refuse<T>(reason: Reason, message: impl Into<Cow<'static, str>>) -> std::result::Result<T, Refusal> {
    Err(Refusal { reason, message: message.into() })
}

type Checked<T> = std::result::Result<T, Refusal>;

/// Calls `take` with the text of each event of a document `[...]` or `{"events": [...]}`.
pub(super) fn each_of_document(text: &str, take: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut each = Each { take, failed: None };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Document(&mut each).deserialize(&mut json).and_then(|()| json.end());
    match (each.failed, read) {
        (Some(err), _) => Err(err),
        (None, Ok(())) => Ok(()),
        // The position alone: the text of the error may repeat what the client sent.
        (None, Err(err)) => Err(Error::BatchMalformed(format!(
            "expected a JSON array of events, or an object with the array 'events' alone; line {} column {}",
            err.line(),
            err.column()
        ))),
    }
}

struct Each<F> {
    take: F,
    /// What ended the reading, if it was not the JSON.
    failed: Option<Error>,
}

struct Document<'e, F>(&'e mut Each<F>);

impl<'de, F: FnMut(&str) -> Result<()>> DeserializeSeed<'de> for Document<'_, F> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> std::result::Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&str) -> Result<()>> Visitor<'de> for Document<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        while let Some(raw) = seq.next_element::<&'de RawValue>()? {
            if let Err(err) = (self.0.take)(raw.get()) {
                self.0.failed = Some(err);
                return Err(A::Error::custom("ended"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let Some(Text(key)) = map.next_key::<Text<'de>>()? else {
            return Err(A::Error::custom("no events"));
        };
        if key != "events" {
            return Err(A::Error::custom("not events"));
        }
        map.next_value_seed(Events(self.0))?;
        match map.next_key::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom("more than events")),
            None => Ok(()),
        }
    }
}

/// The array inside an object, where a further object would not do.
struct Events<'e, F>(&'e mut Each<F>);

impl<'de, F: FnMut(&str) -> Result<()>> DeserializeSeed<'de> for Events<'_, F> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> std::result::Result<(), D::Error> {
        json.deserialize_seq(Document(self.0))
    }
}

/// Text borrowed from the batch where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> std::result::Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        json.deserialize_str(TextVisitor)
    }
}

/// A value of a field, of whatever type the client chose.
#[derive(Debug, Default)]
enum Value<'a> {
    /// Not there, or `null`.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    /// Whole, or rounded to it: JavaScript's clocks and players give fractions.
    Number(i64),
    /// A list, an object, a truth value, a number beyond 2^53.
    Other,
}

/// The greatest number that JSON carries exactly everywhere.
const NUMBER_MAX: f64 = 9_007_199_254_740_991.0;

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> std::result::Result<Self, D::Error> {
        struct ValueVisitor;
        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = Value<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Value<'de>, E> {
                Ok(Value::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Value<'de>, E> {
                Ok(Value::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_i64<E>(self, number: i64) -> std::result::Result<Value<'de>, E> {
                Ok(Value::Number(number))
            }
            fn visit_u64<E>(self, number: u64) -> std::result::Result<Value<'de>, E> {
                Ok(i64::try_from(number).map_or(Value::Other, Value::Number))
            }
            fn visit_f64<E>(self, number: f64) -> std::result::Result<Value<'de>, E> {
                Ok(if number.abs() <= NUMBER_MAX { Value::Number(number.round() as i64) } else { Value::Other })
            }
            fn visit_bool<E>(self, _: bool) -> std::result::Result<Value<'de>, E> {
                Ok(Value::Other)
            }
            fn visit_unit<E>(self) -> std::result::Result<Value<'de>, E> {
                Ok(Value::Absent)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Value<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value::Other)
            }
        }
        json.deserialize_any(ValueVisitor)
    }
}

macro_rules! wire_fields {
    ($($field:ident $name:literal),+ $(,)?) => {
        /// The fields as they were sent.
        #[derive(Debug, Default)]
        struct Wire<'a> {
            $($field: Option<Value<'a>>,)+
            /// The first thing wrong with the fields themselves.
            wrong: Option<Refusal>,
        }

        impl<'a> Wire<'a> {
            fn slot(&mut self, name: &str) -> Option<&mut Option<Value<'a>>> {
                match name { $($name => Some(&mut self.$field),)+ _ => None }
            }
        }
    };
}

wire_fields! {
    id "id", kind "type", at_ms "at_ms", video "video", slate "slate", position "position", watch_ms "watch_ms",
    duration_ms "duration_ms", creator "creator", viewer "viewer",
}

impl<'de> Deserialize<'de> for Wire<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> std::result::Result<Self, D::Error> {
        struct WireVisitor;
        impl<'de> Visitor<'de> for WireVisitor {
            type Value = Wire<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Wire<'de>, A::Error> {
                let mut wire = Wire::default();
                while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
                    let value = map.next_value::<Value<'de>>()?;
                    let wrong = match wire.slot(&name) {
                        Some(slot) if slot.is_none() => {
                            *slot = Some(value);
                            continue;
                        }
                        Some(_) => Refusal { reason: Reason::Malformed, message: "a field is given twice".into() },
                        None => unknown_field(&name),
                    };
                    wire.wrong.get_or_insert(wrong);
                }
                Ok(wire)
            }
        }
        json.deserialize_map(WireVisitor)
    }
}

fn unknown_field(name: &str) -> Refusal {
    let printable = name.len() <= FIELD_NAME_BYTES_MAX && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let message = if printable { Cow::Owned(format!("unknown field '{name}'")) } else { Cow::Borrowed("unknown field") };
    Refusal { reason: Reason::UnknownField, message }
}

/// Reads and checks one event that came in at `now`.
pub(super) fn event(raw: &str, policy: &ViewerPolicy, now: Timestamp) -> Checked<Event> {
    let Ok(mut wire) = serde_json::from_str::<Wire<'_>>(raw) else {
        return refuse(Reason::Malformed, "not a JSON object");
    };
    if let Some(wrong) = wire.wrong.take() {
        return Err(wrong);
    }
    let kind = kind(wire.kind.take())?;
    let id = event_id(wire.id.take())?;
    let viewer = viewer(wire.viewer.take(), policy)?;
    let at = at(wire.at_ms.take(), now)?;
    let body = body(kind, &mut wire)?;
    Ok(Event { id, viewer, at, received: now, body })
}

fn kind(value: Option<Value<'_>>) -> Checked<Kind> {
    match text("type", value)?.map(|name| Kind::from_name(&name)) {
        None => refuse(Reason::MissingField, "type is missing"),
        Some(None) => refuse(Reason::UnknownType, "unknown type"),
        Some(Some(kind)) if !kind.from_clients() => refuse(Reason::NotFromClients, "only the server writes this type"),
        Some(Some(kind)) => Ok(kind),
    }
}

fn viewer(value: Option<Value<'_>>, policy: &ViewerPolicy) -> Checked<ViewerId> {
    match policy {
        ViewerPolicy::FromEvent => required("viewer", value),
        ViewerPolicy::Fixed(viewer) => match value {
            None | Some(Value::Absent) => Ok(*viewer),
            Some(_) => refuse(Reason::ViewerNotAllowed, "the viewer is known by the session; leave the field out"),
        },
    }
}

fn at(value: Option<Value<'_>>, now: Timestamp) -> Checked<Timestamp> {
    let Some(at_ms) = whole("at_ms", value, NUMBER_MAX as i64)? else {
        return refuse(Reason::MissingField, "at_ms is missing");
    };
    let at = Timestamp::from_millis(at_ms);
    let age_ms = now.millis_since(at);
    if age_ms > AGE_MS_MAX {
        return refuse(Reason::TooOld, "more than 24 hours old");
    }
    if age_ms < -AHEAD_MS_MAX {
        return refuse(Reason::TooFarAhead, "more than 5 minutes ahead of the server's clock");
    }
    Ok(at.min(now))
}

fn body(kind: Kind, wire: &mut Wire<'_>) -> Checked<Body> {
    if matches!(kind, Kind::Follow | Kind::Unfollow) {
        let creator = required("creator", wire.creator.take())?;
        return Ok(if kind == Kind::Follow { Body::Follow { creator } } else { Body::Unfollow { creator } });
    }
    let video = required("video", wire.video.take())?;
    Ok(match kind {
        Kind::Impression => {
            let position = whole("position", wire.position.take(), i64::from(u16::MAX))?.unwrap_or(0) as u16;
            Body::Impression { video, slate: optional("slate", wire.slate.take())?, position }
        }
        Kind::Watch => {
            let slate = optional("slate", wire.slate.take())?;
            let Some(watch_ms) = whole("watch_ms", wire.watch_ms.take(), i64::MAX)? else {
                return refuse(Reason::MissingField, "watch_ms is missing");
            };
            let duration_ms = whole("duration_ms", wire.duration_ms.take(), i64::MAX)?.unwrap_or(0);
            let (watch_ms, duration_ms) = watch(watch_ms, duration_ms)?;
            Body::Watch(Watch { video, slate, watch_ms, duration_ms })
        }
        Kind::Like => Body::Like { video },
        Kind::Unlike => Body::Unlike { video },
        Kind::Save => Body::Save { video },
        Kind::Unsave => Body::Unsave { video },
        Kind::Share => Body::Share { video },
        Kind::Comment => Body::Comment { video },
        Kind::Click => Body::Click { video },
        Kind::NotInterested => Body::NotInterested { video },
        Kind::Report => Body::Report { video },
        _ => return refuse(Reason::NotFromClients, "only the server writes this type"),
    })
}

/// Holds watch time and length to what can be.
fn watch(watch_ms: i64, duration_ms: i64) -> Checked<(u32, u32)> {
    let believable = |ms: i64| u32::try_from(ms).ok().filter(|ms| *ms <= WATCH_MS_MAX);
    let (Some(watch_ms), Some(duration_ms)) = (believable(watch_ms), believable(duration_ms)) else {
        return refuse(Reason::AbsurdWatch, "more than 24 hours");
    };
    if duration_ms > 0 && u64::from(watch_ms) > WATCH_LOOPS_MAX * u64::from(duration_ms) {
        return refuse(Reason::AbsurdWatch, "watched more than 50 times over");
    }
    Ok((watch_ms, duration_ms))
}

fn text<'a>(name: &'static str, value: Option<Value<'a>>) -> Checked<Option<Cow<'a, str>>> {
    match value.unwrap_or_default() {
        Value::Absent => Ok(None),
        Value::Text(text) => Ok(Some(text)),
        Value::Number(_) | Value::Other => refuse(Reason::BadValue, format!("{name} is a text")),
    }
}

fn whole(name: &'static str, value: Option<Value<'_>>, max: i64) -> Checked<Option<i64>> {
    match value.unwrap_or_default() {
        Value::Absent => Ok(None),
        Value::Number(number) if (0..=max).contains(&number) => Ok(Some(number)),
        Value::Number(_) => refuse(Reason::BadValue, format!("{name} is out of range")),
        Value::Text(_) | Value::Other => refuse(Reason::BadValue, format!("{name} is a number")),
    }
}

fn optional<T: FromStr + Default + PartialEq>(name: &'static str, value: Option<Value<'_>>) -> Checked<Option<T>> {
    match text(name, value)? {
        None => Ok(None),
        // Zero stands for "nobody" and "nothing" inside: no client names it.
        Some(text) => match text.parse::<T>() {
            Ok(id) if id != T::default() => Ok(Some(id)),
            _ => refuse(Reason::BadId, format!("{name} is not an id")),
        },
    }
}

fn required<T: FromStr + Default + PartialEq>(name: &'static str, value: Option<Value<'_>>) -> Checked<T> {
    match optional(name, value)? {
        Some(id) => Ok(id),
        None => refuse(Reason::MissingField, format!("{name} is missing")),
    }
}

fn event_id(value: Option<Value<'_>>) -> Checked<EventId> {
    match text("id", value)? {
        None => refuse(Reason::MissingField, "id is missing"),
        Some(text) => match uuid(&text) {
            Some(id) if id != 0 => Ok(EventId(id)),
            _ => refuse(Reason::BadId, "id is not a UUID"),
        },
    }
}

/// RFC 9562 text: 32 hexadecimal digits of either case, with the four hyphens in their places or with none.
fn uuid(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    let hyphens = match bytes.len() {
        32 => false,
        36 => true,
        _ => return None,
    };
    let mut id: u128 = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if hyphens && matches!(i, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        id = (id << 4) | u128::from(char::from(*byte).to_digit(16)?);
    }
    Some(id)
}
