#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make.sh OUTDIR: example certificates of two zones, and a folder of bad ones for tests.
# Needs only openssl. Nothing it writes is ever committed; README.md describes the profile.
# An authority that is in OUTDIR already (<zone>/ca.pem and ca.key) is used as it is. BAD_ONLY=1
# makes bad/ only; BAD_ZONE, BAD_ROLE and BAD_NAME say whom its certificates claim to be.
set -eu
umask 077
[ $# -eq 1 ] || { echo "usage: make.sh OUTDIR" >&2; exit 2; }
out=$1
days=${CERT_DAYS:-90}
z=${BAD_ZONE:-my-cyberjaya}
role=${BAD_ROLE:-partner}
who=${BAD_NAME:-hospital-kl}
mkdir -p "$out"
cd "$out"
mkdir -p my-cyberjaya cn-lingang partners operators auditors bad tmp

conf=tmp/openssl.cnf
cat >$conf <<CNF
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
CNF

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null ||
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

serial() { echo "0x00$(openssl rand -hex 15)"; }

# ca DIR CN: a self-signed zone authority, DIR/ca.pem and DIR/ca.key.
ca() {
    [ ! -f "$1/ca.key" ] || return 0
    mkdir -p "$1"
    key "$1/ca.key"
    printf '%s\n' "[x]" "basicConstraints=critical,CA:TRUE,pathlen:0" \
        "keyUsage=critical,keyCertSign,cRLSign" "subjectKeyIdentifier=hash" >tmp/ca.ext
    openssl req -new -config $conf -key "$1/ca.key" -subj "/CN=$2" -out tmp/ca.csr
    openssl x509 -req -sha256 -in tmp/ca.csr -signkey "$1/ca.key" -days 3650 \
        -set_serial "$(serial)" -extfile tmp/ca.ext -extensions x -out "$1/ca.pem" 2>/dev/null
}

# leaf CADIR STEM CN EKU SAN [EXTRA-OPENSSL-ARGS]: STEM.pem and STEM.key. An empty SAN: none.
leaf() {
    cadir=$1 stem=$2 cn=$3 eku=$4 san=$5
    shift 5
    [ -f "$stem.key" ] || key "$stem.key"
    { echo "[x]"
      echo "basicConstraints=critical,CA:FALSE"
      echo "keyUsage=critical,digitalSignature"
      echo "extendedKeyUsage=$eku"
      echo "subjectKeyIdentifier=hash"
      echo "authorityKeyIdentifier=keyid"
      [ -z "$san" ] || echo "subjectAltName=$san"; } >tmp/leaf.ext
    openssl req -new -config $conf -key "$stem.key" -subj "/CN=$cn" -out tmp/leaf.csr
    openssl x509 -req -sha256 -in tmp/leaf.csr -CA "$cadir/ca.pem" -CAkey "$cadir/ca.key" \
        -set_serial "$(serial)" -extfile tmp/leaf.ext -extensions x -out "$stem.pem" \
        "$@" 2>/dev/null
}
good() { leaf "$@" -days "$days"; }

# dated CADIR STEM CN SAN START END: validity in explicit UTCTime, through `openssl ca`.
dated() {
    key "$2.key"
    : >tmp/index.txt
    rm -f tmp/index.txt.attr tmp/serial
    openssl rand -hex 15 | sed 's/^/00/' >tmp/serial
    { echo "[ca]"; echo "default_ca=d"; echo "[d]"; echo "database=tmp/index.txt"
      echo "serial=tmp/serial"; echo "new_certs_dir=tmp"; echo "default_md=sha256"
      echo "policy=p"; echo "x509_extensions=x"; echo "[p]"; echo "commonName=supplied"
      echo "[x]"; echo "basicConstraints=critical,CA:FALSE"
      echo "keyUsage=critical,digitalSignature"; echo "extendedKeyUsage=clientAuth"
      echo "subjectAltName=$4"; } >tmp/ca.cnf
    openssl req -new -config $conf -key "$2.key" -subj "/CN=$3" -out tmp/leaf.csr
    openssl ca -batch -notext -config tmp/ca.cnf -cert "$1/ca.pem" -keyfile "$1/ca.key" \
        -in tmp/leaf.csr -out "$2.pem" -startdate "$5" -enddate "$6" 2>/dev/null
}

crl() { # crl CADIR [CERT-TO-REVOKE]
    : >tmp/index.txt
    rm -f tmp/index.txt.attr tmp/crlnumber
    echo 01 >tmp/crlnumber
    { echo "[ca]"; echo "default_ca=d"; echo "[d]"; echo "database=tmp/index.txt"
      echo "crlnumber=tmp/crlnumber"; echo "default_md=sha256"; echo "default_crl_days=$days"
      echo "crl_extensions=x"; echo "[x]"; echo "authorityKeyIdentifier=keyid"; } >tmp/crl.cnf
    [ $# -lt 2 ] || openssl ca -config tmp/crl.cnf -cert "$1/ca.pem" -keyfile "$1/ca.key" \
        -revoke "$2" 2>/dev/null
    openssl ca -gencrl -config tmp/crl.cnf -cert "$1/ca.pem" -keyfile "$1/ca.key" \
        -out "${3:-$1/crl.pem}" 2>/dev/null
}

other=cn-lingang
[ "$z" != cn-lingang ] || other=my-cyberjaya
for zone in my-cyberjaya cn-lingang; do
    ca $zone "TDZ example CA $zone"
    crl $zone
done

person() { # person FOLDER ZONE ROLE NAME
    good "$2" "$1/$4" "$4" clientAuth "URI:spiffe://$2/$3/$4"
}
if [ -z "${BAD_ONLY:-}" ]; then
    local="DNS:localhost,IP:127.0.0.1"
    for zone in my-cyberjaya cn-lingang; do
        good $zone $zone/partner "$zone partner listener" serverAuth "$local"
        good $zone $zone/desk "$zone desk listener" serverAuth "$local"
        good $zone $zone/peer "$zone gw1" serverAuth,clientAuth "$local,URI:spiffe://$zone/peer/gw1"
    done
    for name in hospital-kl carmaker-my insurer-kl; do
        person partners my-cyberjaya partner $name
    done
    for name in lab-shanghai carmaker-sh insurer-sh; do
        person partners cn-lingang partner $name
    done
    for n in 1 2; do
        person operators my-cyberjaya operator op-my-$n
        person operators cn-lingang operator op-cn-$n
    done
    person auditors my-cyberjaya auditor auditor-my
    person auditors cn-lingang auditor auditor-cn
fi

# What a gateway must refuse. Every certificate is good but for the one thing.
uri="URI:spiffe://$z/$role/$who"
dated $z bad/expired "$who" "$uri" 20200101000000Z 20200201000000Z
dated $z bad/not-yet-valid "$who" "$uri" 20400101000000Z 20410101000000Z
good $z bad/revoked "$who" clientAuth "$uri"
crl $z bad/revoked.pem bad/crl.pem
ca bad/other-ca "Some other CA"
good bad/other-ca bad/other-ca-leaf "$who" clientAuth "$uri"
good $other bad/other-zone-ca "$who" clientAuth "$uri"
good $z bad/other-zone-san "$who" clientAuth "URI:spiffe://$other/$role/$who"
good $z bad/san-none "$who" clientAuth ""
good $z bad/san-no-uri "$who" clientAuth "DNS:hospital-kl"
good $z bad/san-two-uris "$who" clientAuth "$uri,URI:spiffe://$z/$role/another"
good $z bad/san-uri-twice "$who" clientAuth "$uri,$uri"
good $z bad/san-upper-case "$who" clientAuth "URI:spiffe://$(echo "$z" | tr a-z A-Z)/$role/$who"
good $z bad/san-escape "$who" clientAuth "$uri%2d1"
good $z bad/san-query "$who" clientAuth "$uri?x=1"
good $z bad/san-slash "$who" clientAuth "$uri/"
good $z bad/san-userinfo "$who" clientAuth "URI:spiffe://me@$z/$role/$who"
good $z bad/san-http "$who" clientAuth "URI:http://$z/$role/$who"
good $z bad/role-unknown "$who" clientAuth "URI:spiffe://$z/admin/$who"
good $z bad/role-peer gw9 clientAuth "URI:spiffe://$z/peer/gw9"
good $z bad/role-partner "$who" clientAuth "URI:spiffe://$z/partner/hospital-kl"
good $z bad/eku-server "$who" serverAuth "$uri"
many=$uri
i=0
while [ $i -lt 1000 ]; do
    many="$many,DNS:h$i.example"
    i=$((i + 1))
done
good $z bad/san-1000 "$who" clientAuth "$many"
# An ordinary partner that signs another certificate with its own key.
mkdir -p bad/leaf-as-ca
good $z bad/leaf-as-ca/ca "$who" clientAuth "$uri"
good bad/leaf-as-ca bad/issuer-not-ca "$who" clientAuth "$uri"
cat bad/leaf-as-ca/ca.pem >>bad/issuer-not-ca.pem
# Self-signed.
key bad/self-signed.key
openssl req -new -x509 -config $conf -key bad/self-signed.key -subj "/CN=$who" -days 30 \
    -addext "subjectAltName=$uri" -addext "extendedKeyUsage=clientAuth" \
    -set_serial "$(serial)" -out bad/self-signed.pem
rm -rf tmp
