use super::*;

fn put(folder: &Path, sequence: u64, after: Option<&Chain>, sections: &[Vec<u8>]) -> Chain {
    let fill = |to: &mut Sections<'_>| {
        for section in sections {
            to.write_all(section)?;
            to.end_section()?;
        }
        Ok(())
    };
    write(folder, sequence, after, fill).unwrap().0
}

/// The numbers of the newest usable chain, and the first section of each.
fn newest(folder: &Path) -> Option<(u64, Vec<Vec<u8>>)> {
    let (chain, parts) = find(folder).unwrap().next().unwrap()?;
    Some((chain.sequence, parts.iter().map(|part| part.read(0).unwrap()).collect()))
}

#[test]
fn sections_come_back_as_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    assert!(newest(dir.path()).is_none());
    let sections: Vec<Vec<u8>> =
        [0, 1, 3, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 1, 3 * PIECE_BYTES_MAX].map(|n| vec![n as u8 | 1; n]).to_vec();
    let written = put(dir.path(), 7, None, &sections);
    let (chain, parts) = find(dir.path()).unwrap().next().unwrap().unwrap();
    assert_eq!((chain, parts.len(), parts[0].sections()), (written, 1, sections.len()));
    for (at, section) in sections.iter().enumerate() {
        assert!(parts[0].read(at).unwrap() == *section, "{at}");
    }
    assert!(parts[0].read(sections.len()).is_err());
}

#[test]
fn a_damaged_file_is_refused_with_what_rests_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let old = put(dir.path(), 1, None, &[vec![1; 9]]);
    put(dir.path(), 2, Some(&old), &[vec![2; 9]]);
    let base = put(dir.path(), 3, None, &[vec![3; 9], vec![]]);
    let chain = put(dir.path(), 4, Some(&base), &[vec![4; 9]]);
    put(dir.path(), 6, Some(&chain), &[vec![6; 9]]);
    assert_eq!(newest(dir.path()), Some((6, [3, 4, 6].map(|n| vec![n; 9]).to_vec())));

    for (damaged, left, parts) in [(6, 4, vec![3, 4]), (4, 3, vec![3]), (3, 2, vec![1, 2])] {
        let file = path(dir.path(), damaged);
        let sound = fs::read(&file).unwrap();
        let expected = Some((left, parts.iter().map(|n| vec![*n; 9]).collect()));
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&file, &bytes).unwrap();
            assert_eq!(newest(dir.path()), expected, "{damaged}: byte {at}");
            fs::write(&file, &sound[..at]).unwrap();
            assert_eq!(newest(dir.path()), expected, "{damaged}: cut at {at}");
        }
        fs::write(&file, [sound.as_slice(), &[0]].concat()).unwrap();
        assert_eq!(newest(dir.path()), expected, "{damaged}: longer");
        fs::remove_file(&file).unwrap();
        assert_eq!(newest(dir.path()), expected, "{damaged}: missing");
        fs::write(&file, &sound).unwrap();
    }
    // Another file under the number that is meant.
    fs::copy(path(dir.path(), 2), path(dir.path(), 4)).unwrap();
    assert_eq!(newest(dir.path()), Some((3, vec![vec![3; 9]])));
}

#[test]
fn two_chains_are_kept_or_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(path(dir.path(), 1), b"WSBRAIN1 of another program").unwrap();
    fs::write(dir.path().join(TEMPORARY), b"half").unwrap();
    let mut sequence = 1;
    for _ in 0..3 {
        let mut chain = None;
        for _ in 0..3 {
            sequence += 1;
            chain = Some(put(dir.path(), sequence, chain.as_ref(), &[vec![0; 99]]));
        }
    }
    assert_eq!(list(dir.path()).unwrap(), [5, 6, 7, 8, 9, 10]);
    keep(dir.path(), 1).unwrap();
    assert_eq!(list(dir.path()).unwrap(), [8, 9, 10]);
    fs::write(dir.path().join(TEMPORARY), b"half").unwrap();
    assert_eq!(find(dir.path()).unwrap().newest(), 10);
    assert!(!dir.path().join(TEMPORARY).exists());
}

#[test]
fn a_chain_grows_until_a_whole_file_costs_less() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = put(dir.path(), 1, None, &[vec![0; 10_000]]);
    for sequence in 2..6 {
        assert!(chain.may_grow());
        chain = put(dir.path(), sequence, Some(&chain), &[vec![0; 1_250]]);
    }
    assert!(!chain.may_grow());
    let (found, _) = find(dir.path()).unwrap().next().unwrap().unwrap();
    assert_eq!(found, chain, "a restart knows as much");
    let failed = write(dir.path(), 9, None, |_| Err::<(), _>(BrainError::Part("full".into())));
    assert!(failed.is_err() && list(dir.path()).unwrap() == [1, 2, 3, 4, 5] && !dir.path().join(TEMPORARY).exists());
}
