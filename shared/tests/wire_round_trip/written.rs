//! What is written is read back as it was, whichever way it is written.

use floopy_proto::v1;
use floopy_shared::{
    domain::event::{Event, EventBody},
    wire::decision::encode_event,
};
use prost::Message;

pub(crate) fn check(event: &Event) {
    let wire = v1::Event::from(event);
    if let EventBody::Decision(decision) = &event.body {
        let mut bytes = Vec::new();
        encode_event(event.id, event.recorded_at_ms, decision, &mut bytes);
        assert_eq!(v1::Event::decode(&*bytes).expect("decodes"), wire);
    }
    let read = Event::try_from(wire).expect("own writing is readable");
    assert_eq!(&read, event);
}
