"""Signatures and names, by their published vectors."""

import random

import pytest

from connectors.nostr import names, notes, schnorr
from connectors.nostr.config import NostrConfig
from tests.connectors.nostr.fake import ANNA

# https://github.com/bitcoin/bips/blob/master/bip-0340/test-vectors.csv: secret, key, randomness, message, signature
SIGNED = """
0000000000000000000000000000000000000000000000000000000000000003 F9308A019258C31049344F85F89D5229B531C845836F99B08601F113BCE036F9
0000000000000000000000000000000000000000000000000000000000000000 0000000000000000000000000000000000000000000000000000000000000000
E907831F80848D1069A5371B402410364BDF1C5F8307B0084C55F1CE2DCA821525F66A4A85EA8B71E482A74F382D2CE5EBEEE8FDB2172F477DF4900D310536C0

B7E151628AED2A6ABF7158809CF4F3C762E7160F38B4DA56A784D9045190CFEF DFF1D77F2A671C5F36183726DB2341BE58FEAE1DA2DECED843240F7B502BA659
0000000000000000000000000000000000000000000000000000000000000001 243F6A8885A308D313198A2E03707344A4093822299F31D0082EFA98EC4E6C89
6896BD60EEAE296DB48A229FF71DFE071BDE413E6D43F917DC8DCF8C78DE33418906D11AC976ABCCB20B091292BFF4EA897EFCB639EA871CFA95F6DE339E4B0A

C90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B14E5C9 DD308AFEC5777E13121FA72B9CC1B7CC0139715309B086C960E18FD969774EB8
C87AA53824B4D7AE2EB035A2B5BBBCCC080E76CDC6D1692C4B0B62D798E6D906 7E2D58D8B3BCDF1ABADEC7829054F90DDA9805AAB56C77333024B9D0A508B75C
5831AAEED7B44BB74E5EAB94BA9D4294C49BCF2A60728D8B4C200F50DD313C1BAB745879A5AD954A72C45A91C3A51D3C7ADEA98D82F8481E0E1E03674A6F3FB7

0B432B2677937381AEF05BB02A66ECD012773062CF3FA2549E44F58ED2401710 25D1DFF95105F5253C4022F628A996AD3A0D95FBF21D468A1B33F8C160D8F517
FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
7EB0509757E246F19449885651611CB965ECC1A187DD51B64FDA1EDC9637D5EC97582B9CB13DB3933705B32BA982AF5AF25FD78881EBB32771FC5922EFC66EA3
"""

# The same, of keys without their secrets: key, message, signature, why it is wrong
KEY, TEXT = (
    "DFF1D77F2A671C5F36183726DB2341BE58FEAE1DA2DECED843240F7B502BA659",
    "243F6A8885A308D313198A2E03707344A4093822299F31D0082EFA98EC4E6C89",
)
R, S = (
    "6CFF5C3BA86C69EA4B7376F31A9BCB4F74C1976089B2D9963DA2E5543E177769",
    "69E89B4C5564D00349106B8497785DD7D1D713A8AE82B32FA79D5F7FC407D39B",
)
WRONG = [
    ("EEFDEA4CDB677750A420FEE807EACF21EB9898AE79B9768766E4FAA04A2D4A34", R + S, "a key that is not on the curve"),
    (
        KEY,
        "FFF97BD5755EEEA420453A14355235D382F6472F8568A18B2F057A14602975563CC27944640AC607CD107AE10923D9EF7A73C643E166BE5EBEAFA34B1AC553E2",
        "an odd y",
    ),
    (
        KEY,
        "1FA62E331EDBC21C394792D2AB1100A7B432B013DF3F6FF4F99FCB33E0E1515F28890B3EDB6E7189B630448B515CE4F8622A954CFE545735AAEA5134FCCDB2BD",
        "a negated message",
    ),
    (KEY, R + "961764B3AA9B2FFCB6EF947B6887A226E8D7C93E00C5ED0C1834FF0D0C2E6DA6", "a negated s"),
    (KEY, "0" * 64 + "123DDA8328AF9C23A94C1FEECFD123BA4FB73476F0D594DCB65C6425BD186051", "infinity"),
    (KEY, "0" * 63 + "17615FBAF5AE28864013C099742DEADB4DBA87F11AC6754F93780D5A1837CF197", "infinity, with one"),
    (KEY, "4A298DACAE57395A15D0795DDBFD1DCB564DA82B0F269BC70A74F8220429BA1D" + S, "an r that is not on the curve"),
    (KEY, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F" + S, "an r of the size of the field"),
    (KEY, R + "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141", "an s of the order"),
    ("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC30", R + S, "a key above the field"),
]


@pytest.mark.parametrize("vector", SIGNED.strip().split("\n\n"))
def test_what_is_signed_is_what_the_standard_says(vector: str):
    secret, key, randomness, message, signature = map(bytes.fromhex, vector.split())
    assert schnorr.public_key(secret) == key
    assert schnorr.sign(message, secret, randomness) == signature
    assert schnorr.verify(message, key, signature)
    assert schnorr.verify(message, key, schnorr.sign(message, secret))


def test_a_signature_with_an_r_that_begins_with_zeros_is_right():
    key = bytes.fromhex("D69C3509BB99E412E68B0FE8544E72837DFA30746D8BE2AA65975F29D22DC7B9")
    message = bytes.fromhex("4DF3C3F68FCC83B27E9D42C90431A72499F17875C81A599B566C9889B9696703")
    signature = (
        "00000000000000000000003B78CE563F89A0ED9414F5AA28AD0D96D6795F9C6376AFB1548AF603B3EB45C9F8207DEE1060CB71C04E80F593060B07D28308D7F4"
    )
    assert schnorr.verify(message, key, bytes.fromhex(signature))


@pytest.mark.parametrize(("key", "signature"), [pytest.param(key, signature, id=why) for key, signature, why in WRONG])
def test_what_the_standard_calls_wrong_is_refused(key: str, signature: str):
    assert not schnorr.verify(bytes.fromhex(TEXT), bytes.fromhex(key), bytes.fromhex(signature))


def test_a_thousand_forged_notes_are_all_refused():
    chance = random.Random(340)
    genuine = ANNA.note("Is it open?")
    assert notes.Note.model_validate(genuine).is_genuine()
    for number in range(1000):
        forged = dict(genuine)
        name = chance.choice(["id", "pubkey", "sig", "content", "created_at", "kind", "tags"])
        if name in {"id", "pubkey", "sig"}:
            digits = bytearray(bytes.fromhex(forged[name]))
            digits[chance.randrange(len(digits))] ^= 1 << chance.randrange(8)
            forged[name] = digits.hex()
        elif name in {"created_at", "kind"}:
            forged[name] = chance.randrange(100)
        else:
            forged[name] = f"Is it open? {number}" if name == "content" else [["p", f"{number:064x}"]]
        assert not notes.Note.model_validate(forged).is_genuine()
    again = notes.signed(ANNA.secret, notes.NOTE, "Is it open?", [], genuine["created_at"])  # the same words have the same id
    assert again["id"] == genuine["id"]


def test_names_are_written_and_read_as_the_standard_does():
    secret = "67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa"  # the examples of NIP-19
    written = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"
    public = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e"
    assert names.decode("nsec", written) == bytes.fromhex(secret)
    assert names.encode("npub", bytes.fromhex(public)) == "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg"
    assert names.decode("npub", written) is None
    assert names.decode("nsec", written[:-1] + "4") is None
    for typed in (written, f" {secret} ", secret.upper()):
        config = NostrConfig.model_validate({"relay": "wss://relay.test", "private_key": typed})
        assert config.private_key.get_secret_value() == secret
    for typed in ("", "nsec1", "0" * 64, "f" * 64, secret[:-1], "nsec1vl029"):
        with pytest.raises(ValueError, match="private key"):
            NostrConfig.model_validate({"relay": "wss://relay.test", "private_key": typed})
    with pytest.raises(ValueError, match="address"):
        NostrConfig.model_validate({"relay": "https://relay.test", "private_key": secret})
