//! A server that ends leaves no process to whoever comes after it, dead or alive. A file of its own, since it looks at
//! all children of this process.

mod common;

use common::{
    front::{Stream, connect, message, start},
    level, machine,
    served::Served,
};
use rustix::process::Signal;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_has_reaped_all_its_runtimes() {
    // Orphans come to us then, and stay as they are: nobody reaps them.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).expect("the kernel can do that");
    for signal in [Signal::TERM, Signal::INT] {
        let served = Served::start(&["--shards", "1", "--drain-grace", "1s"]);
        let mut stream = Stream::open(connect(&served.url).await, start(None)).await.expect("it takes a session");
        for index in 0..200 {
            let variation = message(index, &level(index % 100 + 1));
            stream.requests.as_ref().expect("it is open").send(variation).await.expect("it takes variations");
        }
        stream.outcome().await;
        assert_eq!(served.runtimes().len(), 3, "a zygote, a template and a shard");
        served.signal(signal);
        let (.., end) = stream.rest().await;
        assert!(end.is_err(), "the session was open");
        assert_eq!(served.ended().await.code(), Some(0));
        assert_eq!(machine::children(std::process::id()), [].into(), "{}", machine::state_of_affairs());
    }
}
