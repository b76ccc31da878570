package wire

import "testing"

// Names as people and shops have them, in many scripts, beside Latin words, units and digits.
func TestHonestNamesDoNotLookAlike(t *testing.T) {
	for _, name := range []string{
		"", "Tech Haven", "John O'Brien 3rd", "H&M", "50% off!", "Zoë Müller-Łukasiewicz", "Søren Ångström", "Nguyễn Thị Minh Khai", "İstanbul Işık", "Ełk",
		"Александр Пушкин", "Вера", "Магазин Apple", "Кофе с Milk", "USB-кабель 3м", "Яндекс.Market", "Київ Їжа", "Ђорђе Љубић", "Мөнх",
		"Καφενείο Αθήνα", "Γιώργος", "Sigma Καφέ", "10kΩ resistor", "100μF", "α-tocopherol", "Հայաստան", "ᎣᏏᏲ",
		"東京カメラのみせ", "ソニーストア", "Tシャツ専門店", "株式会社ABCショップ", "コーヒー々", "한국상점", "LG전자", "李明的商店", "小米Store", "韓國大韓民國상점", "ㄅㄆㄇ台北",
		"متجر الكتب", "علی\u200cرضا", "الـiPhone", "קפה תל אביב", "הiPhone", "ร้านiPhone", "हिन्दी दुकान", "क्\u200dष", "தமிழ் கடை", "বাংলা", "ქართული", "አማርኛ", "සිංහල",
		"☕ Café 🚀", "👩\u200d🚀 Space", "№ 5", "Tech Haven™",
	} {
		if LooksAlike(name) {
			t.Errorf("%q is taken for a forgery", name)
		}
		if clean := CleanName(name); LooksAlike(clean) {
			t.Errorf("%q, as it is kept, is taken for a forgery", clean)
		}
	}
}

func TestForgedNamesLookAlike(t *testing.T) {
	for name, why := range map[string]string{
		"\u0410\u0440\u0440le":                       "Cyrillic A, er, er and Latin l, e",
		"P\u0430yPal":                                "one Cyrillic a",
		"Tech H\u0430ven":                            "one Cyrillic a in the second word",
		"Tech \u041d\u0430\u0443\u0435":              "a Cyrillic word of twins beside a Latin one",
		"\u0391mazon":                                "a Greek Alpha",
		"Micros\u03bfft":                             "a Greek omicron",
		"G\u0585\u0585gle":                           "two Armenian o",
		"\u13aapple":                                 "a Cherokee A",
		"\u041f\u03c1\u0438\u0432\u0435\u0442":       "Cyrillic with a Greek rho",
		"App\u200cle":                                "an invisible joiner between Latin letters",
		"\u0410\u200d\u043f\u0442\u0435\u043a\u0430": "an invisible joiner between Cyrillic letters",
		"\u05d0\u0628":                               "Hebrew and Arabic in one word",
		"Samsung \u0421\u043erp":                     "Cyrillic Es and o in the second word",
	} {
		if !LooksAlike(name) {
			t.Errorf("%q is not noticed: %s", name, why)
		}
	}
}

func BenchmarkLooksAlike(b *testing.B) {
	for _, name := range []string{"Wireless Headphones", "Александр Сергеевич Пушкин", "東京カメラのみせ"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = LooksAlike(name)
			}
		})
	}
}
