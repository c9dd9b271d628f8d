"""Writes tiny random BERT folders, and what the reference libraries make of them.

    python embed/testdata/make_tiny.py embed/testdata/tiny

Needs torch 2.8.0, transformers 4.57.6, tokenizers 0.22.2 and
sentence-transformers 5.1.0. For each folder NAME, NAME/golden.npy holds the
normalised vectors [texts, 32] of the texts in texts.json, and NAME/ids.json
their token ids before the cut to the window, or the name of the folder that
has the same ones.
"""

import json
import os
import shutil
import sys
import unicodedata

import numpy as np
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel

HIDDEN, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 4, 64, 64

TEXTS = [
    "", " ", "\t\r\n", "a", "The quick brown fox jumps over the lazy dog.", "unaffable testing tested tests",
    "HELLO World, Straße STRASSE ẞ ß", "naïve café résumé Ångström", "e\u0301 e\u0301\u0301 a\u0323\u0307 a\u0307\u0323",
    "ΟΔΥΣΣΕΥΣ Σίσυφος ς σ Σ", "İstanbul ISPARTA ıı I\u0307", "ﬁnance ﬂow ﬃ ǆ Ǆ ǅ", "日本語のテキスト 中文字 漢字かな交じり文",
    "㐀㐁 𠀀𠀁 豈更 𪜀 \U0002B740 \U0002B820 \U0002CEB0 \U0002F800", "한국어 문장 각 가\u11A8 ᄒ", "हिन्दी में लिखा हुआ क्षत्रिय", "ภาษาไทย กำลัง", "العربية مَرْحَبًا ١٢٣",
    "עברית שָׁלוֹם", "русский язык Ёлка ЙОД", "Ελληνικά ΆΈΉ", "Tiếng Việt được", "தமிழ் ಕನ್ನಡ తెలుగు മലയാളം", "ქართული ᲥᲐᲠᲗᲣᲚᲘ", "հայերեն Հայ",
    "አማርኛ", "ᏣᎳᎩ ꭰꭱ", "𐐀𐐁 𐐨", "𝒜𝓑 𝟙𝟚 ⅷ Ⅷ ②", "a\u0000b", "a\u0001b\u001fc\u007fd\u0085e", "tab\tnew\nline\rcr\u000bvt\u000cff",
    "zero\u200bwidth\u200cnon\u200djoin\u2060er\ufeffbom", "soft\u00adhyphen", "nb\u00a0sp thin\u2009sp ideo\u3000sp ogham\u1680sp",
    "line\u2028para\u2029sep", "rtl\u202eoverride\u202c iso\u2066late\u2069", "👍🏽 👨‍👩‍👧‍👦 🇺🇦 ☃️ ✈", "replacement \ufffd char", "private \ue000\U000f0000 use",
    "unassigned \u0378 \u0e5c \U0001fbff \U000e0080 \uffff", "tags \U000e0001\U000e0041", "[CLS] [SEP] [PAD] [UNK] [MASK]", "a[SEP]b[MASK]c", "[sep] [ SEP ] [SEP", "[[SEP]]", "x[MASK][MASK] y",
    "##ing ing## ## #", "don't it's o'clock", "e-mail@host.org/path?q=1&x=2#f", "3.14159 1,000,000 1e-9 $5 €5 £5 ¥5", "`~!@#$%^&*()_+-={}|[]\\:\";'<>?,./",
    "“quotes” ‘single’ «guillemets» — – … • †‡ ¿¡ §¶", "、。「」・～！？：；（）", "؟،؛ ।॥ ᠀ ⸮ ⹂ ⹃ ⹒ \u061d \u1b7d", "ª º ¹ ² ³ ¼ ½ × ÷ ± ° ©®™",
    "a" * 99, "a" * 100, "a" * 101, "ab" * 80, "é" * 100, "é" * 101, "e\u0301" * 60, "x" + "\u0301" * 200 + "y", "\u0301\u0302 start", "q\u1dfa\u0323 \u1cf2 \u0898 \u07fd \u11938 \U00011938",
    "\U0001d15e \U0001d165\U0001d16d\U0001d165 \u302e\u302f\u0323 \u0f73\u0f71", "\u0344 \u0958 \ufb1d \u2126 \u212a \u212b", "word " * 80, "日本" * 60, "supercalifragilisticexpialidocious",
    "the [SEP] " * 30, "MiXeD CaSe TeXt WITH Ünïcödé", "ÀÉÎÕÜ àéîõü Ç ç Ñ ñ Ø ø Ł ł Đ đ", "\ua7cb\ua7da\ua7dc \u1c89 \U00010d50 \U00016ea0 Ꙁ Ⰰ", "ŉ ǰ ΐ ΰ և ẖ ẗ ẘ ẙ ẚ",
    " leading and trailing ", "\u001c stripped \u0085\u3000", "newline\n\n\nin the middle", "def f(x):\n    return x**2  # square", "<b>bold</b> &amp; &#39;", "a.b.c.d.e", "1234567890" * 5,
    "new token here newtoken NEWTOKEN", "left <L>  both  <B>  x<W>y <W> <W>. end",
]


def vocabulary(extra=()):
    """About 400 tokens: characters of many scripts, and pieces of the texts' words."""
    words = "the quick brown fox over lazy dog un ##aff ##able test ##ing ##ed ##s hello world ##o ##wn ##own str ##asse cafe naive resume and in of to a is it ##a ##e ##b ##ab ##abab token new ##token bold return def square left both end istanbul ##i hell".split()
    seen = dict.fromkeys(["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    seen.update(dict.fromkeys(words))
    seen.update(dict.fromkeys(chr(c) for c in range(33, 127)))
    seen.update(dict.fromkeys("##" + chr(c) for c in range(48, 58)))
    seen.update(dict.fromkeys("##" + chr(c) for c in range(97, 123)))
    for text in TEXTS:
        for c in text:
            for form in (c, c.lower(), unicodedata.normalize("NFD", c), unicodedata.normalize("NFD", c.lower())):
                for p in form:
                    if len(seen) < 410 and not p.isspace() and p.isprintable():
                        seen.setdefault(p)
                        if ord(p) % 3 == 0:
                            seen.setdefault("##" + p)
    seen.update(dict.fromkeys(extra))
    return list(seen)


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


def special(vocab, names=("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")):
    return [
        dict(id=vocab.index(t), content=t, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
        for t in names
    ]


def tokenizer_json(vocab, normalizer=None, added=(), processor="template", maximum=100):
    cls, sep = vocab.index("[CLS]"), vocab.index("[SEP]")
    piece = lambda name, kind=0: {"SpecialToken": {"id": name, "type_id": kind}}
    text = lambda name, kind=0: {"Sequence": {"id": name, "type_id": kind}}
    if processor == "template":
        post = dict(
            type="TemplateProcessing",
            single=[piece("[CLS]"), text("A"), piece("[SEP]")],
            pair=[piece("[CLS]"), text("A"), piece("[SEP]"), text("B", 1), piece("[SEP]", 1)],
            special_tokens={n: dict(id=n, ids=[i], tokens=[n]) for n, i in (("[CLS]", cls), ("[SEP]", sep))},
        )
    else:
        post = dict(type="BertProcessing", sep=["[SEP]", sep], cls=["[CLS]", cls])
    return dict(
        version="1.0",
        truncation=dict(max_length=20, strategy="LongestFirst", stride=0, direction="Right"),
        padding=None,
        added_tokens=special(vocab) + list(added),
        normalizer=dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
        | (normalizer or {}),
        pre_tokenizer=dict(type="BertPreTokenizer"),
        post_processor=post,
        decoder=dict(type="WordPiece", prefix="##", cleanup=True),
        model=dict(
            type="WordPiece", unk_token="[UNK]", continuing_subword_prefix="##", max_input_chars_per_word=maximum,
            vocab={t: i for i, t in enumerate(vocab)},
        ),
    )


written = {}  # token ids by folder


def build(out, name, seed, pooling="mean_tokens", modules=True, normalize=True, sentence=None, tokenizer=None, vocab_txt=False,
          tokenizer_config=None, special_map=None, act="gelu", dtype=torch.float32, binary=False, prefix="", gamma=False, vocab=None, sbert=None, layers=LAYERS, files=None, **config):
    folder = os.path.join(out, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    vocab = vocab or vocabulary()
    size = config.pop("vocab_size", len(vocab))
    torch.manual_seed(seed)
    cfg = BertConfig(vocab_size=size, hidden_size=HIDDEN, num_hidden_layers=layers, num_attention_heads=HEADS,
                     intermediate_size=INNER, max_position_embeddings=POSITIONS, hidden_act=act, **config)
    model = BertModel(cfg, add_pooling_layer=False).eval()
    with torch.no_grad():  # larger than the usual start, so that every part of the model counts
        for n, p in model.named_parameters():
            p.copy_(torch.randn_like(p) * (0.5 if "embeddings" in n else 0.25) + (1 if n.endswith("LayerNorm.weight") else 0))
    tensors = {prefix + n: p.detach().to(dtype).contiguous() for n, p in model.state_dict().items() if "position_ids" not in n}
    if gamma:
        tensors = {n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): p for n, p in tensors.items()}
    if binary:
        torch.save(tensors, os.path.join(folder, "pytorch_model.bin"))
    else:
        save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    keep = "vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size max_position_embeddings hidden_act layer_norm_eps type_vocab_size".split()
    write(os.path.join(folder, "config.json"), dict(model_type="bert", architectures=["BertModel"]) | {k: getattr(cfg, k) for k in keep})
    if modules:
        write(os.path.join(folder, "modules.json"), [
            dict(idx=i, name=str(i), path=p, type="sentence_transformers.models." + t)
            for i, (p, t) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")][: 3 if normalize else 2])
        ])
        write(os.path.join(folder, "1_Pooling", "config.json"), dict(word_embedding_dimension=HIDDEN, pooling_mode_mean_tokens=False) | {"pooling_mode_" + pooling: True})
    if sentence:
        write(os.path.join(folder, "sentence_bert_config.json"), sentence)
    if sbert:
        write(os.path.join(folder, "config_sentence_transformers.json"), sbert)
    if tokenizer:
        write(os.path.join(folder, "tokenizer.json"), tokenizer)
    if vocab_txt:
        with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as f:
            f.write("\n".join(vocab) + "\n")
    for file, value in (("tokenizer_config.json", tokenizer_config), ("special_tokens_map.json", special_map), *(files or {}).items()):
        if value is not None:
            write(os.path.join(folder, file), value)

    st = SentenceTransformer(folder, device="cpu")
    ids = [st.tokenizer(st_text(st, t), truncation=False)["input_ids"] for t in TEXTS]
    vectors = np.concatenate([st.encode([t], normalize_embeddings=True) for t in TEXTS]).astype("<f4")
    same = next((n for n, other in written.items() if other == ids), "")
    written.setdefault(name, ids)
    write(os.path.join(folder, "ids.json"), dict(window=st.max_seq_length, same=same, ids=[] if same else ids))
    np.save(os.path.join(folder, "golden.npy"), vectors)
    print(name, "window", st.max_seq_length, "vocab", len(vocab), type(st.tokenizer).__name__, "longest", max(map(len, ids)))


def st_text(st, text):
    prompt = st.prompts.get(st.default_prompt_name, "") if st.default_prompt_name else ""
    text = (prompt + text).strip()
    return text.lower() if st[0].do_lower_case else text


def main(out):
    write(os.path.join(out, "texts.json"), TEXTS)
    v = vocabulary()
    window = dict(max_seq_length=48, do_lower_case=False)
    plain = tokenizer_json(v)
    uncased = dict(do_lower_case=True, tokenizer_class="BertTokenizer", model_max_length=40)
    cased = dict(do_lower_case=False, strip_accents=False, tokenizer_class="BertTokenizer", model_max_length=1e30)

    build(out, "mean", 1, tokenizer=plain, sentence=window)
    build(out, "cls", 2, dtype=torch.float16, pooling="cls_token", tokenizer=plain, tokenizer_config=uncased, gamma=True)
    build(out, "vocab", 3, vocab_txt=True, tokenizer_config=uncased, binary=True, sentence=window)
    build(out, "cased", 4, layers=1, tokenizer=tokenizer_json(v, dict(lowercase=False, strip_accents=False), processor="bert"), tokenizer_config=cased,
          sentence=window, pooling="mean_sqrt_len_tokens")
    build(out, "max", 5, dtype=torch.bfloat16, pooling="max_tokens", act="gelu_new", tokenizer=plain, sentence=window, normalize=False)
    build(out, "half", 6, act="relu", tokenizer=plain, dtype=torch.float16, sentence=window)
    build(out, "bare", 7, modules=False, tokenizer=plain, sentence=window, tokenizer_config=uncased, prefix="bert.", act="gelu_pytorch_tanh", dtype=torch.bfloat16)
    build(out, "casedvocab", 8, layers=1, dtype=torch.float16, vocab_txt=True, tokenizer_config=cased | dict(strip_accents=True, tokenize_chinese_chars=False, model_max_length=60), sentence=dict(max_seq_length=60, do_lower_case=True))
    flag = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    added = [flag | dict(id=len(v) + i) | t for i, t in enumerate([
        dict(content="New Token", normalized=True), dict(content="<L>", lstrip=True), dict(content="<B>", lstrip=True, rstrip=True), dict(content="<W>", single_word=True)])]
    build(out, "added", 9, layers=1, dtype=torch.float16, tokenizer=tokenizer_json(v, dict(clean_text=False, strip_accents=False), added=added, maximum=30), vocab_size=len(v) + 5, sentence=window,
          tokenizer_config=dict(tokenizer_class="PreTrainedTokenizerFast", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]"),
          special_map=dict(additional_special_tokens=["<x>"]), layer_norm_eps=1e-5,
          sbert=dict(prompts=dict(query="query: "), default_prompt_name="query"))


main(sys.argv[1])
