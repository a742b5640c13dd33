//! What always holds for a spooled file, whatever it says.
#![expect(clippy::missing_panics_doc, reason = "a panic is what a fuzzer looks for")]

use super::format::{checksum, decode, encode};

/// A file without its checksum; it is read as it is, too.
pub fn spool(data: &[u8]) {
    for file in [data.to_vec(), [data, &checksum(data)].concat()] {
        let Some(request) = decode(&file) else { continue };
        assert!(request.bytes() < file.len(), "no more comes out than was in it");
        assert!(encode(&request) == file, "it is the file that the request makes");
    }
}
