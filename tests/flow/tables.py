# SPDX-License-Identifier: Apache-2.0
"""Tables of people who do not exist, made from a seed."""
import random

PLACES = ["01", "02", "05", "07", "08", "10", "12", "13", "14", "21", "32", "45", "71", "82"]
COLUMNS = ["mykad", "name", "birth_date", "phone", "email", "sex", "diagnosis", "icd10", "stage",
           "treatment", "visit_date", "ward", "hospital"]
GIVEN = ["Aisyah", "Wei Ling", "Kumar", "Farid", "Mei Hua", "Siti", "Rajesh", "Hafiz", "Li Na"]
FAMILY = ["binti Osman", "Tan", "a/l Subramaniam", "bin Rahman", "Lim", "Wong", "bin Yusof"]
DISEASES = [("breast carcinoma", "C50.9"), ("colon carcinoma", "C18.9"), ("melanoma", "C43.9"),
            ("acute leukaemia", "C95.0"), ("thyroid carcinoma", "C73")]
PRC_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
PRC_CHECK = "10X98765432"


def mykad(rng, separators=True):
    """A formally valid identity card number, and its birth date and sex."""
    year, month, day = rng.randint(1945, 2004), rng.randint(1, 12), rng.randint(1, 28)
    serial = rng.randint(0, 9999)
    parts = f"{year % 100:02}{month:02}{day:02}", rng.choice(PLACES), f"{serial:04}"
    return (("-" if separators else "").join(parts), f"{year}-{month:02}-{day:02}",
            "M" if serial % 2 else "F")


def prc_id(rng):
    """A formally valid resident identity number of eighteen characters."""
    body = (f"310115{rng.randint(1950, 2004)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
            f"{rng.randint(0, 999):03}")
    total = sum(int(d) * w for d, w in zip(body, PRC_WEIGHTS))
    return body + PRC_CHECK[total % 11]


def hospital(rows, seed=1, header=True):
    """An oncology register as the agreement oncology-2026 declares it, CSV bytes."""
    rng = random.Random(seed)
    lines = [",".join(COLUMNS)] if header else []
    for i in range(rows):
        number, born, sex = mykad(rng)
        disease, code = rng.choice(DISEASES)
        name = f"{rng.choice(GIVEN)} {rng.choice(FAMILY)}"
        lines.append(",".join([
            number, name, born, f"+6012{rng.randint(1000000, 9999999)}",
            f"patient{i}@example.my", sex, disease, code, rng.choice(["I", "II", "III", "IV"]),
            rng.choice(["surgery", "chemotherapy", "radiotherapy"]),
            f"2026-{rng.randint(1, 10):02}-{rng.randint(1, 28):02}", f"W{rng.randint(1, 9)}",
            "HKL"]))
    return ("\n".join(lines) + "\n").encode()


def telemetry(rows, seed=1):
    """Readings of machines, as the agreement telemetry-2026 declares them."""
    rng = random.Random(seed)
    lines = ["device,metric,value,unit,taken_at"]
    for i in range(rows):
        lines.append(f"press-{rng.randint(1, 40)},temperature,{rng.uniform(20, 90):.2f},C,"
                     f"2026-11-{1 + i % 20:02}T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}Z")
    return ("\n".join(lines) + "\n").encode()
