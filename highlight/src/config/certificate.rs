//! Certificate authorities of the program's own choice.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    env::Env,
    error::{CODE, InitError, Remedy},
    mask::Secret,
    options,
};

/// One certificate. Without TLS there is none.
#[cfg(feature = "tls")]
pub(crate) type Certificate = ureq::tls::Certificate<'static>;
#[cfg(not(feature = "tls"))]
#[derive(Debug, Clone)]
pub(crate) enum Certificate {}

/// Where code says that certificates are.
#[derive(Debug, Clone)]
pub(super) enum CertificateSource {
    File(PathBuf),
    Pem(Secret<Vec<u8>>),
}

/// The certificates that code names, else those of the file that the environment names.
pub(super) fn load(sources: &[CertificateSource], env: &Env<'_>) -> Result<Vec<Certificate>, InitError> {
    if sources.is_empty() {
        return env
            .first(options::CERTIFICATE.env)
            .map_or_else(|| Ok(Vec::new()), |(_, path)| read(Path::new(&path)));
    }
    let mut certificates = Vec::new();
    for source in sources {
        certificates.extend(match source {
            CertificateSource::File(path) => read(path)?,
            CertificateSource::Pem(Secret(pem)) => parse(pem).map_err(|why| {
                let size = format!("{} bytes", pem.len());
                let remedy = Remedy::Owned(format!("give certificates in PEM form ({why})"));
                InitError::invalid(options::CERTIFICATE_PEM.name, CODE, &size, remedy)
            })?,
        });
    }
    Ok(certificates)
}

fn read(path: &Path) -> Result<Vec<Certificate>, InitError> {
    fs::read(path)
        .and_then(|pem| parse(&pem))
        .map_err(|source| InitError::Certificate { path: path.to_owned(), source })
}

/// All certificates of a PEM text. A bundle may hold keys too; they are no business of ours.
#[cfg(feature = "tls")]
fn parse(pem: &[u8]) -> io::Result<Vec<Certificate>> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(pem) {
        if let ureq::tls::PemItem::Certificate(certificate) = item.map_err(|why| invalid(why.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(invalid("no certificate in it".to_owned()));
    }
    Ok(certificates)
}

/// None is needed, as no endpoint speaks TLS.
#[cfg(not(feature = "tls"))]
#[expect(clippy::unnecessary_wraps, reason = "as with TLS")]
fn parse(_pem: &[u8]) -> io::Result<Vec<Certificate>> {
    Ok(Vec::new())
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    const CA: &str = include_str!("testdata/ca.pem");
    const CA_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/testdata/ca.pem");

    fn pem(text: &str) -> CertificateSource {
        CertificateSource::Pem(Secret(text.into()))
    }

    fn load_from(sources: &[CertificateSource], variable: Option<(&str, &str)>) -> Result<usize, InitError> {
        let lookup =
            |name: &str| variable.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned());
        load(sources, &Env::new(&lookup)).map(|certificates| certificates.len())
    }

    #[test]
    fn certificates_add_up() {
        let both = [CertificateSource::File(CA_PATH.into()), pem(&[CA, CA].concat())];
        assert!(matches!(load_from(&both, None), Ok(3)));
        assert!(matches!(load_from(&[], None), Ok(0)));
    }

    #[test]
    fn the_environment_counts_only_without_code() {
        for variable in options::CERTIFICATE.env {
            assert!(matches!(load_from(&[], Some((variable, CA_PATH))), Ok(1)));
            let absent = Some((*variable, "/absent/ca.pem"));
            assert!(matches!(load_from(&[pem(CA)], absent), Ok(1)));
            assert!(matches!(
                load_from(&[], absent),
                Err(InitError::Certificate { path, source })
                    if path == Path::new("/absent/ca.pem") && source.kind() == io::ErrorKind::NotFound
            ));
        }
    }

    #[test]
    fn a_file_without_certificates_is_an_error_that_names_it() {
        let here = CertificateSource::File(file!().into());
        let manifest = CertificateSource::File(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into());
        for source in [here, manifest] {
            assert!(matches!(load_from(&[source], None), Err(InitError::Certificate { .. })));
        }
    }

    #[test]
    fn bytes_without_certificates_are_an_error_that_does_not_show_them() {
        let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
        for text in ["", "no pem", key] {
            let Err(error) = load_from(&[pem(text)], None) else {
                panic!("{text:?} was accepted");
            };
            let message = error.to_string();
            assert!(message.contains("certificate_pem"), "{message}");
            assert!(!message.contains("c2VjcmV0"), "{message}");
        }
    }
}
