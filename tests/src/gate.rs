//! A place in a job where it tells the test that it is there, and waits until the test lets it on.
//!
//! Two FIFOs: nobody looks again and again, and no clock is involved.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use crate::place::Place;
use crate::running::GUARD;

/// A gate, closed at first.
#[derive(Debug)]
pub struct Gate {
    name: String,
    arrivals: Receiver<String>,
    /// Kept, so that writing wakes the reader when the gate is dropped.
    up: File,
    go: File,
}

impl Gate {
    /// Makes one in the folder of `place`.
    pub fn new(place: &Place, name: &str) -> Self {
        // Open for both directions: opening never waits for the other side, and what is written
        // waits in the FIFO for whoever reads.
        let up = fifo(&place.join(&format!("{name}.up")));
        let go = fifo(&place.join(&format!("{name}.go")));
        let (sender, arrivals) = channel();
        let reader = BufReader::new(up.try_clone().expect("a second handle"));
        std::thread::spawn(move || {
            let lines = reader.lines().map_while(Result::ok);
            for line in lines {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Gate {
            name: name.to_owned(),
            arrivals,
            up,
            go,
        }
    }

    /// Shell commands of a job: says `who` and waits. In the folder of the place.
    pub fn stop(&self, who: &str) -> String {
        format!("{}; read go < {}.go", self.tell(who), self.name)
    }

    /// Shell commands of a job: says `who` and does not wait.
    pub fn tell(&self, who: &str) -> String {
        format!("echo \"{who}\" > {}.up", self.name)
    }

    /// Waits for the next one to arrive.
    ///
    /// # Panics
    /// If nobody comes.
    #[track_caller]
    pub fn arrived(&self) -> String {
        match self.arrivals.recv_timeout(GUARD) {
            Ok(who) => who,
            Err(error) => panic!("nobody came to gate {}: {error}", self.name),
        }
    }

    /// True if somebody has arrived who was not waited for.
    pub fn has_arrivals(&self) -> bool {
        self.arrivals.try_recv().is_ok()
    }

    /// Lets one on, also one that is still to come.
    pub fn open(&self) {
        // One byte: shells read one at a time, and several may be waiting.
        (&self.go).write_all(b"\n").expect("a FIFO with room");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // The reader finds nobody to tell, and ends.
        self.arrivals = channel().1;
        let _woken = self.up.write_all(b"end\n");
    }
}

fn fifo(path: &Path) -> File {
    let status = Command::new("mkfifo").arg(path).status();
    assert!(status.expect("mkfifo starts").success(), "{path:?}");
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .open(path)
        .expect("a FIFO opens")
}
