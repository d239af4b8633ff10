//! Asks the cluster for a topic's id (KIP-516), and by that whether the topic exists and may be read.
//!
//! A topic deleted and created again has the same name and starts at offset 0 again; only its id tells the two apart,
//! and without it the engine would take the new records for a repeated write of the old ones.
//! The `rdkafka` crate has no safe call for DescribeTopics, so this file talks to librdkafka itself.

#![allow(unsafe_code)]

use rdkafka::{
    bindings::{self as sys, rd_kafka_admin_op_t, rd_kafka_resp_err_t},
    client::Client,
    client::ClientContext,
    types::RDKafkaErrorCode as Code,
};
use std::{
    ffi::{CStr, CString},
    ptr,
    time::Duration,
};

/// An answer on its way.
pub(super) struct Request<'a, C: ClientContext> {
    /// Keeps the client alive as long as the queue.
    _client: &'a Client<C>,
    queue: *mut sys::rd_kafka_queue_t,
}

/// Starts asking for the id of `topic`. `None` for a name that holds a zero byte.
pub(super) fn request<'a, C: ClientContext>(client: &'a Client<C>, topic: &str) -> Option<Request<'a, C>> {
    let topic = CString::new(topic).ok()?;
    let mut names = [topic.as_ptr()];
    // SAFETY: the client pointer is valid while `client` is borrowed. librdkafka copies the names and the options,
    // so both may be destroyed after the call; the queue is destroyed by `Request::drop`.
    unsafe {
        let queue = sys::rd_kafka_queue_new(client.native_ptr());
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let options = sys::rd_kafka_AdminOptions_new(
            client.native_ptr(),
            rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        );
        sys::rd_kafka_DescribeTopics(client.native_ptr(), topics, options, queue);
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_TopicCollection_destroy(topics);
        Some(Request { _client: client, queue })
    }
}

impl<C: ClientContext> Request<'_, C> {
    /// Waits up to `timeout` for the answer: the id in base64, or the error code that says why there is none.
    pub(super) fn poll(&self, timeout: Duration) -> Option<Result<String, Code>> {
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is valid until `drop`. The event is ours and everything read from it, down to the text of
        // the id, belongs to it; the text is copied before the event is destroyed.
        unsafe {
            let event = sys::rd_kafka_queue_poll(self.queue, timeout_ms);
            if event.is_null() {
                return None;
            }
            let answer = read_answer(event);
            sys::rd_kafka_event_destroy(event);
            Some(answer)
        }
    }
}

impl<C: ClientContext> Drop for Request<'_, C> {
    fn drop(&mut self) {
        // SAFETY: created in `request`, destroyed only here. An answer still on its way is discarded by librdkafka.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) }
    }
}

/// # Safety
/// `event` must be a valid event of a DescribeTopics request for one topic.
unsafe fn read_answer(event: *mut sys::rd_kafka_event_t) -> Result<String, Code> {
    const NO_ERROR: rd_kafka_resp_err_t = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
    // SAFETY: the caller vouches for the event; librdkafka returns null where a part is absent, which is checked.
    unsafe {
        let code = sys::rd_kafka_event_error(event);
        if code != NO_ERROR {
            return Err(code.into());
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event);
        let mut count = 0;
        let topics = if result.is_null() {
            ptr::null_mut()
        } else {
            sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count)
        };
        if topics.is_null() || count == 0 {
            return Err(Code::UnknownTopicOrPartition);
        }
        let code = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(*topics));
        if code != NO_ERROR {
            return Err(code.into());
        }
        let id = sys::rd_kafka_Uuid_base64str(sys::rd_kafka_TopicDescription_topic_id(*topics));
        Ok(CStr::from_ptr(id).to_string_lossy().into_owned())
    }
}
