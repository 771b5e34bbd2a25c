package demo

import (
	"math/rand/v2"
	"strings"
)

// name is a person's name as it is written, and in the letters of an e-mail address.
type name struct{ written, plain string }

// culture is where a person's names come from. Names with an '=' give the plain form, others are their own.
type culture struct {
	given, family []name
	locale        string
}

var cultures = []culture{
	newCulture("nb-NO",
		"Ingrid Øyvind=oyvind Kåre=kare Solveig Bjørn=bjorn Astrid Håkon=hakon Liv Sindre Tuva",
		"Hansen Bråthen=brathen Sørensen=sorensen Lien Ødegård=odegard Nilsen Haugen Myhre Strand"),
	newCulture("pt-PT",
		"João=joao Inês=ines Tomás=tomas Beatriz Gonçalo=goncalo Leonor Rui Conceição=conceicao Duarte Matilde",
		"Silva Araújo=araujo Simões=simoes Ferreira Magalhães=magalhaes Lourenço=lourenco Teixeira Brandão=brandao Nunes"),
	newCulture("de-DE", // with their own letters in the address, as many companies have it
		"Jürgen Anneliese Günther Käthe Matthias Sören Ulrike Björn Friederike Lars",
		"Müller Weiß Schröder Köhler Bäcker Vogel Krüger Zimmermann Lange"),
	newCulture("pl-PL",
		"Łukasz=lukasz Małgorzata=malgorzata Zofia Paweł=pawel Agnieszka Wojciech Grażyna=grazyna Jacek Bożena=bozena Michał=michal",
		"Wójcik=wojcik Kowalczyk Dąbrowska=dabrowska Zieliński=zielinski Król=krol Wiśniewska=wisniewska Mazur Górski=gorski Pawlak"),
	newCulture("tr-TR",
		"Çağla=cagla Oğuz=oguz Işıl=isil Şebnem=sebnem Emre Gül=gul Barış=baris Ümit=umit Zeynep Tolga",
		"Yılmaz=yilmaz Çelik=celik Öztürk=ozturk Şahin=sahin Aydın=aydin Kılıç=kilic Doğan=dogan Koç=koc Polat"),
	newCulture("vi-VN",
		"Thảo=thao Đức=duc Hằng=hang Quân=quan Ngọc=ngoc Tuấn=tuan Bích=bich Long Mỹ=my Phúc=phuc",
		"Nguyễn=nguyen Trần=tran Lê=le Phạm=pham Đặng=dang Võ=vo Bùi=bui Hồ=ho Ngô=ngo"),
	newCulture("ja-JP",
		"翔太=shota 陽菜=hina 健一=kenichi 美咲=misaki 直樹=naoki 彩花=ayaka 大輔=daisuke 由美=yumi 和也=kazuya 恵子=keiko",
		"佐藤=sato 鈴木=suzuki 高橋=takahashi 渡辺=watanabe 伊藤=ito 山本=yamamoto 小林=kobayashi 斎藤=saito 松田=matsuda"),
	newCulture("uk-UA",
		"Олена=olena Андрій=andrii Соломія=solomiia Тарас=taras Ярина=yaryna Богдан=bohdan Марія=mariia Остап=ostap Леся=lesia Юрій=yurii",
		"Шевченко=shevchenko Ковальчук=kovalchuk Бондаренко=bondarenko Мельник=melnyk Гнатюк=hnatiuk Лисенко=lysenko Савчук=savchuk Коваль=koval Мороз=moroz"),
	newCulture("el-GR",
		"Ελένη=eleni Γιώργος=giorgos Δέσποινα=despoina Νίκος=nikos Κατερίνα=katerina Σταύρος=stavros Ιωάννα=ioanna Πέτρος=petros Ζωή=zoi Άρης=aris",
		"Παπαδοπούλου=papadopoulou Οικονόμου=oikonomou Βασιλείου=vasileiou Γεωργίου=georgiou Νικολάου=nikolaou Δημητρίου=dimitriou Αγγελής=angelis Μακρή=makri Λαμπρίδης=lampridis"),
	newCulture("hi-IN",
		"अनन्या=ananya राहुल=rahul प्रिया=priya विक्रम=vikram मीरा=meera अर्जुन=arjun कविता=kavita संजय=sanjay दिव्या=divya निखिल=nikhil",
		"शर्मा=sharma पटेल=patel अय्यर=iyer गुप्ता=gupta मेहता=mehta नायर=nair जोशी=joshi सिंह=singh रेड्डी=reddy"),
	newCulture("ar-MA",
		"ليلى=layla يوسف=youssef فاطمة=fatima عمر=omar سلمى=salma كريم=karim نادية=nadia إدريس=idriss هدى=houda طارق=tariq",
		"العلوي=alaoui بنعلي=benali الإدريسي=idrissi التازي=tazi الفاسي=fassi بناني=bennani الشرقاوي=cherkaoui أمزيان=amziane الهاشمي=hachimi"),
	newCulture("en-GB",
		"Amelia Gareth Harriet Callum Imogen Rhys Zoë=zoe Siobhán=siobhan Oliver Freya",
		"Thompson O’Brien=obrien Hughes Whitfield Adeyemi Ashworth Brontë=bronte Carmichael Okafor"),
}

func newCulture(locale, given, family string) culture {
	return culture{locale: locale, given: parseNames(given), family: parseNames(family)}
}

func parseNames(list string) []name {
	var out []name
	for _, entry := range strings.Fields(list) {
		written, plain, ok := strings.Cut(entry, "=")
		if !ok {
			plain = strings.ToLower(written)
		}
		out = append(out, name{written, plain})
	}
	return out
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
