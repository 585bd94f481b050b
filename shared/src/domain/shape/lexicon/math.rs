//! Words of mathematics and of reasoning problems.

use super::Terms;

pub(super) const TERMS: &[Terms] = &[
    // English: the field's own vocabulary.
    (
        200,
        "derivative*|determinant|eigenvalue*|hypotenuse|quadratic|polynomial*|trigonometr*|square root|logic puzzle|combinatori*",
    ),
    (
        150,
        "equation*|integral*|probabilit*|theorem*|lemma|algebra|calculus|perimeter|compound interest|how many ways|arithmetic",
    ),
    (
        150,
        "calculat*|prove|prove that|greatest common|least common|{arithmetic,geometric} {sequence,series,progression}",
    ),
    (
        120,
        "compute|computes|solve|solve for|math|maths|mathemati*|geometry|divisible|prime {number,factor}*|standard deviation",
    ),
    (
        120,
        "what is the {value,probability,area,volume,sum,product,remainder} of|expected value|{times,twice} as {many,much}|extrema",
    ),
    (
        120,
        "permutation*|factorial*|logarithm*|modulo|{real,complex,natural,rational} numbers|positive integer*|ordered {pair,triple}*",
    ),
    (
        100,
        "{% ,percent }{of,de,von,di}|{explain,show} your reasoning|reason step by step|show that|matrix|radius|triangle*|proof|remainder|riddle|telling the truth|simplify|circumference|diameter|velocity",
    ),
    (
        80,
        "integer*|the sum|sum of|fraction*|puzzle|divisor*|twice|{maximum,minimum} value|per {hour,minute,day,week}|km/h|mph",
    ),
    (
        60,
        "percent|percentage|angle*|circle|average|ratio|evaluate|step by step|reasoning|syllogism|premise*|deduce|how {far,fast}|{two,three,four,five,six,ten} times",
    ),
    (
        50,
        "years {old,older,younger}|interest|half|third|quarter|dozen|total|altogether|remaining|left over|profit|each|logic*|maximum|minimum|speed|distance|area|volume",
    ),
    // Spanish, Portuguese, French, Italian.
    (
        150,
        "calcul*|calcol*|ecuaci*|equaç*|équation*|equazion*|demuestr*|demostrar|demonstre*|démontre*|dimostra*|deriva{da,das,ta}|dérivée",
    ),
    (
        120,
        "resuelv*|resolva|resolver a equação|résou*|risolv*|probabilidad*|probabilité*|probabilità|perimetro|perímetro|velocidad media",
    ),
    (
        120,
        "o dobro|el doble|le double|número{s,} primo{s,}|nombre{s,} premier{s,}|numer{o,i} prim{o,i}|velocidade média",
    ),
    (
        80,
        "triángulo*|triângulo*|triangolo|la suma|a soma|la somme|la somma|raíz|racine|porcentaje|porcentagem|pourcentage|quanti modi",
    ),
    // German, Dutch, Polish.
    (
        150,
        "berechn*|bereken*|oblicz*|gleichung*|beweise*|bewijs*|udowodnij|równani*|ableitung*|afgeleide|pochodn*|primzahl*|priemgeta*",
    ),
    (
        120,
        "wahrscheinlichkeit*|prawdopodobieństw*|flächeninhalt|liczb pierwszych|pole {koła,trójkąta,kwadratu,prostokąta}|de kans",
    ),
    (
        80,
        "dreieck*|driehoek*|trójkąt*|summe|prozent|procent|oppervlakte|promieni*|rozwiąż*|vergelijking|radius|doppelt so|gewinn",
    ),
    // Russian, Turkish.
    (
        150,
        "вычисл*|докаж*|уравнени*|hesapla*|denklem*|ispatla*|производн*|интеграл*",
    ),
    (
        120,
        "реши|решите|рассчита*|вероятност*|olasılı*|çözünüz|yarıçap*|способов",
    ),
    (
        80,
        "сумма|площад*|треугольник*|радиус*|простых чисел|посчита*|üçgen*|alanını|toplamı|yüzde*|çarpımı",
    ),
    // Arabic, Hindi.
    (
        150,
        "احسب|معادلة|المعادلة|أثبت أن|गणना|समीकरण|क्षेत्रफल|सिद्ध कर*",
    ),
    (
        80,
        "مساحة|مثلث|احتمال|مجموع|हल कर*|प्रायिकता|योगफल|त्रिभुज|प्रतिशत",
    ),
    (40, "कीमत|ثمن"),
    // Chinese, Japanese, Korean.
    (
        150,
        "解方程|方程|导数|概率|根号|平方根|計算|方程式|解いて|確率|求めよ|방정식|구하시오|계산|확률|자연수|증명하",
    ),
    (
        120,
        "计算|证明|求值|还剩|之和|质数|积分|証明|面積|半径|三角形|求めて|残り|넓이|삼각형|증명|구하세요|반지름",
    ),
    (
        80,
        "面积|一共|每小时|平均|合計|合わせて|時速|何個|합이|남나|남는|모두 몇",
    ),
    // Indonesian, Vietnamese.
    (
        150,
        "hitung*|persamaan|buktikan|jari-jari|phương trình|tính diện tích|xác suất|chứng minh|tính tổng|đạo hàm",
    ),
    (
        80,
        "peluang|luas|segitiga|lingkaran|kecepatan|diện tích|tam giác|bán kính|hình {chữ nhật,vuông,tròn}|keliling",
    ),
];

/// How a question for a quantity begins; numbers in the text make it a problem.
pub(super) const QUANTITY: &[Terms] = &[
    (
        100,
        "how many|how much|how long|how old|cuántos|cuántas|cuánto|cuánta|quantos|quantas|quanto|quanta|quanti|quante|combien|wie viel*|wieviel*",
    ),
    (
        100,
        "hoeveel|ile|сколько|kaç|كم|कितन*|多少|几个|几只|いくつ|何個|いくら|何人|몇|얼마|berapa|bao nhiêu",
    ),
];
