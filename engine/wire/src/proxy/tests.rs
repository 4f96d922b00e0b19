use super::proxy_header;

#[test]
fn both_families_are_written_to_the_byte() {
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let v4 = proxy_header([192, 0, 2, 7].into(), "198.51.100.9:2525".parse().unwrap());
    let rest = [0x21, 0x11, 0, 12, 192, 0, 2, 7, 198, 51, 100, 9, 0, 0, 0x09, 0xdd];
    assert_eq!(v4, [&signature[..], &rest].concat());
    let v6 = proxy_header("2001:db8::7".parse().unwrap(), "[2001:db8::9]:25".parse().unwrap());
    let address = |last| [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let rest = [&[0x21, 0x21, 0, 36][..], &address(7), &address(9), &[0, 0, 0, 25]].concat();
    assert_eq!(v6, [&signature[..], &rest].concat());
}
