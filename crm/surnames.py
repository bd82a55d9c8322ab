"""Chinese surnames, how they are read, and which letters spell a syllable."""

from collections.abc import Mapping

COMMON = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏"
    "魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵"
    "万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘"
    "祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解"
    "牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边"
    "卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀胥郁南班储原栗"
    "燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井巴漆支苍竺茅辜幸贡晋"
    "凤衣由仉鹿牧容裘经都匕云昌水狄湛訾桓尉逄宓隗逯种召折员秘幺那召查晁郗眭覃展水冷计成胡"
    "傅赖洪阎萧丘揭卿危芮昝钮糜亢蒯谯"
)
_DOUBLE = (
    "欧阳 上官 司马 诸葛 皇甫 尉迟 公孙 慕容 令狐 司徒 夏侯 东方 端木 独孤 南宫 长孙 宇文 轩辕"
    " 澹台 鲜于 万俟 闻人 赫连 淳于 单于 太史 申屠 仲孙 钟离 司空 呼延 拓跋 百里 东郭 南门 西门"
)
DOUBLE = frozenset(_DOUBLE.split())

READINGS: Mapping[str, tuple[str, ...]] = {
    # where the everyday reading is wrong, or is not the only one; the usual one first
    "单": ("shan", "dan"),
    "曾": ("zeng",),
    "解": ("xie", "jie"),
    "仇": ("qiu", "chou"),
    "区": ("ou", "qu"),
    "查": ("zha", "cha"),
    "盖": ("ge", "gai"),
    "乐": ("yue", "le"),
    "朴": ("piao", "pu"),
    "任": ("ren",),
    "覃": ("qin", "tan"),
    "翟": ("zhai", "di"),
    "缪": ("miao", "mou"),
    "员": ("yun", "yuan"),
    "秘": ("bi", "mi"),
    "冼": ("xian",),
    "洗": ("xian",),
    "召": ("shao", "zhao"),
    "折": ("she", "zhe"),
    "种": ("chong", "zhong"),
    "重": ("chong", "zhong"),
    "牟": ("mu", "mou"),
    "柏": ("bai", "bo"),
    "谌": ("chen", "shen"),
    "郗": ("xi", "chi"),
    "隗": ("wei", "kui"),
    "葛": ("ge",),
    "车": ("che",),
    "幺": ("yao",),
    "么": ("yao", "me"),
    "过": ("guo",),
    "訾": ("zi",),
    "晁": ("chao",),
    "逄": ("pang",),
    "眭": ("sui",),
    "都": ("du", "dou"),
    "繁": ("po", "fan"),
    "逯": ("lu",),
    "六": ("lu",),
    "黑": ("he", "hei"),
    "祭": ("zhai", "ji"),
    "相": ("xiang",),
    "行": ("xing",),
    "薄": ("bo", "bao"),
    "贾": ("jia", "gu"),
    "句": ("gou", "ju"),
    "勾": ("gou",),
    "难": ("ning", "nan"),
    "宁": ("ning",),
    "那": ("na",),
    "石": ("shi",),
    "沈": ("shen",),
    "尹": ("yin",),
    "曲": ("qu",),
    "应": ("ying",),
    "燕": ("yan",),
    "令": ("ling",),
    "臧": ("zang",),
    "藏": ("zang", "cang"),
    "尉": ("wei", "yu"),
    "宓": ("mi", "fu"),
    "郝": ("hao",),
    "阚": ("kan",),
    "乜": ("nie",),
    "华": ("hua",),
    "吕": ("lv", "lu"),
    "闾": ("lv", "lu"),
    "万俟": ("moqi",),
    "尉迟": ("yuchi",),
    "长孙": ("zhangsun",),
    "令狐": ("linghu",),
    "澹台": ("tantai",),
    "单于": ("chanyu",),
    "鲜于": ("xianyu",),
}

GIVEN: Mapping[str, tuple[str, ...]] = {
    # characters of given names that are read in two ways
    "乐": ("le", "yue"),
    "长": ("chang", "zhang"),
    "茜": ("qian", "xi"),
    "重": ("zhong", "chong"),
    "朝": ("chao", "zhao"),
    "行": ("xing", "hang"),
    "晟": ("sheng", "cheng"),
    "盛": ("sheng", "cheng"),
    "娜": ("na", "nuo"),
    "传": ("chuan", "zhuan"),
    "朴": ("pu", "piao"),
    "曾": ("zeng", "ceng"),
    "单": ("dan", "shan"),
    "仇": ("chou", "qiu"),
    "解": ("jie", "xie"),
    "一": ("yi",),
    "参": ("can", "shen"),
}

_SYLLABLES = (
    "a ai an ang ao ba bai ban bang bao bei ben beng bi bian biao bie bin bing bo bu ca cai"
    " can cang cao ce cen ceng cha chai chan chang chao che chen cheng chi chong chou chu"
    " chuai chuan chuang chui chun chuo ci cong cou cu cuan cui cun cuo da dai dan dang dao"
    " de deng di dian diao die ding diu dong dou du duan dui dun duo e en er fa fan fang fei"
    " fen feng fo fou fu ga gai gan gang gao ge gen geng gong gou gu gua guai guan guang gui"
    " gun guo ha hai han hang hao he hei hen heng hong hou hu hua huai huan huang hui hun huo"
    " ji jia jian jiang jiao jie jin jing jiong jiu ju juan jue jun ka kai kan kang kao ke"
    " ken keng kong kou ku kua kuai kuan kuang kui kun kuo la lai lan lang lao le lei leng li"
    " lian liang liao lie lin ling liu long lou lu luan lun luo lv lve ma mai man mang mao me"
    " mei men meng mi mian miao mie min ming miu mo mou mu na nai nan nang nao ne nei nen"
    " neng ni nian niang niao nie nin ning niu nong nou nu nuan nuo nv nve o ou pa pai pan"
    " pang pao pei pen peng pi pian piao pie pin ping po pou pu qi qia qian qiang qiao qie"
    " qin qing qiong qiu qu quan que qun ran rang rao re ren reng ri rong rou ru ruan rui run"
    " ruo sa sai san sang sao se sen seng sha shai shan shang shao she shei shen sheng shi"
    " shou shu shua shuai shuan shuang shui shun shuo si song sou su suan sui sun suo ta tai"
    " tan tang tao te teng ti tian tiao tie ting tong tou tu tuan tui tun tuo wa wai wan wang"
    " wei wen weng wo wu xi xia xian xiang xiao xie xin xing xiong xiu xu xuan xue xun ya yan"
    " yang yao ye yi yin ying yong you yu yuan yue yun za zai zan zang zao ze zei zen zeng"
    " zha zhai zhan zhang zhao zhe zhen zheng zhi zhong zhou zhu zhua zhuai zhuan zhuang zhui"
    " zhun zhuo zi zong zou zu zuan zui zun zuo"
)
SYLLABLES = frozenset(_SYLLABLES.split())
