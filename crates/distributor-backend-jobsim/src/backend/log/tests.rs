//! The log alone: what is written is read, and it does not grow for ever.

use super::*;
use crate::task::End;

fn id(number: u32) -> ExecutionId {
    format!("{}|1|{number}", "A".repeat(43)).parse().unwrap()
}

fn order(number: u32, parameters: &str) -> Order {
    Order {
        execution: id(number),
        activation_token: Secret::new([7; 32]),
        config_name: "sim".to_owned(),
        parameters: parameters.to_owned(),
        previous: Some("{\"a\":\"\n\"}".to_owned()),
    }
}

fn started(order: &Order) -> Known<'_> {
    Known::Started(Cow::Borrowed(order))
}

fn ended(outcome: &Outcome) -> Known<'_> {
    Known::Ended {
        key: Cow::Borrowed("key"),
        outcome: Cow::Borrowed(outcome),
    }
}

#[test]
fn the_last_word_on_each_task_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made").join("tasks.log");
    let (mut log, known) = Log::open(&path).unwrap();
    assert!(known.is_empty());
    let outcome = Outcome::of(End::Failed("why \u{2028}".to_owned()));
    let orders = [1, 2, 3].map(|number| order(number, "{\"name\":\"x\"}"));
    for order in &orders {
        log.append(order.execution, &started(order)).unwrap();
    }
    log.append(id(2), &ended(&outcome)).unwrap();
    log.append_release(id(3));
    for _ in 0..2 {
        let (_, known) = Log::open(&path).unwrap();
        assert_eq!(known.keys().copied().collect::<Vec<_>>(), [id(1), id(2)]);
        let Known::Started(read) = &known[&id(1)] else {
            panic!("{known:?}");
        };
        assert_eq!(read.parameters, orders[0].parameters);
        assert_eq!(read.previous, orders[0].previous);
        assert_eq!(read.config_name, "sim");
        assert!(read.activation_token.matches(&[7; 32]));
        let Known::Ended { key, outcome: read } = &known[&id(2)] else {
            panic!("{known:?}");
        };
        assert_eq!((key.as_ref(), read.as_ref()), ("key", &outcome));
    }
}

#[test]
fn lines_that_do_not_parse_are_passed_over() {
    let text = b"{\"header\":{\"format\":1}}\n\xff\xfe\n\n{\"started\":{}}\nnull\n{\"released\":{\"id\":\"x\"}}\n{\"ended";
    assert!(replay(text.as_slice()).unwrap().is_empty());
}

#[test]
fn the_file_stays_within_twice_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.log");
    let (mut log, _) = Log::open(&path).unwrap();
    let kept = order(1, &"k".repeat(100_000));
    log.append(id(1), &started(&kept)).unwrap();
    let passing = order(2, &"p".repeat(250_000));
    let mut rewritten = 0;
    for _ in 0..100 {
        let length = log.append(id(2), &started(&passing)).unwrap();
        log.append_release(id(2));
        log.waste(length);
        if log.is_mostly_dead() {
            log.rewrite([(id(1), started(&kept))].into_iter());
            rewritten += 1;
        }
        assert!(fs::metadata(&path).unwrap().len() <= SMALLEST_REWRITE + 500_000);
    }
    assert!(rewritten > 1, "{rewritten}");
    log.append(id(3), &started(&passing)).unwrap();
    drop(log);
    let (_, known) = Log::open(&path).unwrap();
    assert_eq!(known.keys().copied().collect::<Vec<_>>(), [id(1), id(3)]);
}
